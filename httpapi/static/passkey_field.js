// Offers passkeys in the list of the sign-in page's name field (WebAuthn §5.1.4, conditional
// mediation), and sends the form of its own with the one that is chosen. It reads no other field.
"use strict";
(async () => {
  const form = document.getElementById("passkey-field");
  const known = window.PublicKeyCredential;
  if (!form || location.origin !== form.dataset.origin || !known || !known.parseRequestOptionsFromJSON || !known.isConditionalMediationAvailable) return;
  if (!(await known.isConditionalMediationAvailable())) return;
  try {
    const publicKey = known.parseRequestOptionsFromJSON(JSON.parse(form.dataset.options));
    const made = await navigator.credentials.get({ publicKey, mediation: "conditional" });
    form.elements.passkey.value = JSON.stringify(made.toJSON());
    form.submit();
  } catch {
    // Nothing was chosen: the password and the button are there.
  }
})();
