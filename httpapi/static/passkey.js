// Asks the browser for a passkey (WebAuthn) and sends the form with what it gives.
"use strict";
(() => {
  const box = document.getElementById("passkey-ask");
  if (!box) return;
  const form = box.closest("form");
  const button = box.querySelector("button");
  const say = (what) => {
    for (const text of box.querySelectorAll("[data-say]")) text.hidden = text.dataset.say !== what;
    button.hidden = what === "waiting" || what === "unsupported" || what === "elsewhere";
  };
  if (location.origin !== box.dataset.origin) return say("elsewhere");
  if (!window.PublicKeyCredential || !navigator.credentials) return say("unsupported");

  const bytesOf = (text) => Uint8Array.from(atob(text.replaceAll("-", "+").replaceAll("_", "/")), (c) => c.charCodeAt(0));
  const textOf = (buffer) => buffer ? btoa(String.fromCharCode(...new Uint8Array(buffer))).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "") : undefined;
  const listed = (list) => (list || []).map((c) => ({ ...c, id: bytesOf(c.id) }));

  const ask = async () => {
    const options = JSON.parse(box.dataset.options);
    options.challenge = bytesOf(options.challenge);
    if (box.dataset.kind === "create") {
      options.user.id = bytesOf(options.user.id);
      options.excludeCredentials = listed(options.excludeCredentials);
      return navigator.credentials.create({ publicKey: options });
    }
    options.allowCredentials = listed(options.allowCredentials);
    return navigator.credentials.get({ publicKey: options });
  };

  // What extensions say is left out: none was asked for.
  const written = (made) => {
    const r = made.response;
    const answer = { id: made.id, rawId: textOf(made.rawId), type: made.type, clientExtensionResults: {}, response: { clientDataJSON: textOf(r.clientDataJSON) } };
    if (box.dataset.kind === "create") {
      answer.response.attestationObject = textOf(r.attestationObject);
      answer.response.transports = r.getTransports ? r.getTransports() : [];
    } else {
      answer.response.authenticatorData = textOf(r.authenticatorData);
      answer.response.signature = textOf(r.signature);
      answer.response.userHandle = textOf(r.userHandle);
    }
    return JSON.stringify(answer);
  };

  const run = async () => {
    say("waiting");
    try {
      box.querySelector("input[name=passkey]").value = written(await ask());
      form.submit();
    } catch (error) {
      if (error.name === "SecurityError") say("elsewhere");
      else if (error.name === "InvalidStateError") say("exists");
      else if (error.name === "NotSupportedError") say("unsupported");
      else say("cancelled");
      if (!button.hidden) button.focus();
    }
  };
  button.addEventListener("click", run);
  run();
})();
