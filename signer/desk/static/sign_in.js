// Signs a browser in at the school's site with the person's own token: which token, what is asked in words, the PIN, and
// the number that goes into that browser.
import { get, post } from "./call.js";
import { el } from "./dom.js";
import { desk } from "./store.js";
import { day, t } from "./words.js";

export async function signIn(code) {
  const body = el("div", { class: "body" });
  const dialog = el("dialog", { class: "sign", id: "sign-in", ariaLabelledby: "sign-in-title", onclose: () => dialog.remove() }, body);
  document.body.append(dialog);
  dialog.showModal();
  await choose(dialog, body, code);
}

const heading = () => el("h2", { id: "sign-in-title" }, t("sign_in.title"));
const shut = (dialog, text) => el("button", { type: "button", class: "second", onclick: () => dialog.close() }, text);
const bad = (message) => (message ? el("p", { class: "notice bad", role: "alert" }, message) : "");

// choose asks which token, and the service what it is to sign.
async function choose(dialog, body, code, message) {
  body.replaceChildren(heading(), el("p", { role: "status" }, t("sign.looking")));
  const found = await get("/api/tokens").catch((failure) => ({ tokens: [], message: failure.message }));
  const choices = found.tokens.flatMap((token) => token.certificates.map((certificate) => ({ token, certificate }))).filter((c) => c.certificate.valid && !c.token.locked);
  if (!choices.length) {
    body.replaceChildren(heading(), el("p", { class: "notice warn", role: "status" }, found.message || t("sign.no_token")),
      el("div", { class: "actions" }, el("button", { type: "button", onclick: () => choose(dialog, body, code) }, t("waiting.again")), shut(dialog, t("button.cancel"))));
    return;
  }
  const select = el("select", { id: "sign-in-with" }, choices.map((c, i) => el("option", { value: i }, t("sign.certificate", { subject: c.certificate.subject, label: c.token.label, until: day(c.certificate.not_after) }))));
  const owner = desk.state.person.normalize("NFC").toLowerCase();
  select.value = String(Math.max(0, choices.findIndex((c) => c.certificate.subject.normalize("NFC").toLowerCase() === owner)));
  const go = el("button", { id: "sign-in-look" }, t("sign_in.look"));
  const submit = async (e) => {
    e.preventDefault();
    go.disabled = true;
    const picked = choices[Number(select.value)];
    try {
      const asked = await post("/api/sign-in/claim", { code, token: picked.token.serial, certificate: picked.certificate.sha256 });
      answer(dialog, body, asked, picked);
    } catch (failure) {
      choose(dialog, body, code, failure.message);
    }
  };
  body.replaceChildren(heading(), bad(message), el("form", { onsubmit: submit }, el("label", { htmlFor: "sign-in-with" }, t("sign.with")), select, el("div", { class: "actions" }, go, shut(dialog, t("button.cancel")))));
  go.focus();
}

// answer shows what asks, takes the PIN as the person's word, and shows the number.
function answer(dialog, body, asked, picked, message) {
  const pin = el("input", { id: "sign-in-pin", type: "password", autocomplete: "off", required: !picked.token.pin_pad, maxLength: 255 });
  const final = el("input", { id: "sign-in-final", type: "checkbox" });
  const mine = el("input", { id: "sign-in-mine", type: "checkbox", required: true });
  const go = el("button", { id: "sign-in-go" }, t("sign_in.go"));
  const submit = async (e) => {
    e.preventDefault();
    go.disabled = true;
    const given = { id: asked.id, certificate: picked.certificate.sha256, pin: pin.value, final_try: final.checked };
    pin.value = "";
    try {
      const { number } = await post("/api/sign-in/answer", given);
      body.replaceChildren(heading(), el("p", {}, t("sign_in.number")), el("p", { class: "code", id: "sign-in-number" }, number.slice(0, 3) + " " + number.slice(3)),
        el("p", { class: "notice warn" }, t("sign_in.keep")), el("div", { class: "actions" }, shut(dialog, t("button.close"))));
      body.querySelector("button").focus();
    } catch (failure) {
      answer(dialog, body, asked, picked, failure.message);
    }
  };
  body.replaceChildren(heading(), bad(message), el("p", { class: "lines" }, ...asked.sentence.split("\n").flatMap((line) => [line, el("br")])),
    asked.warning ? el("p", { class: "notice bad" }, asked.warning) : "",
    el("form", { onsubmit: submit },
      asked.elsewhere ? el("label", { htmlFor: "sign-in-mine" }, mine, " ", t("sign_in.mine")) : "",
      picked.token.pin_pad ? el("p", {}, t("sign.pad")) : el("div", {}, el("label", { htmlFor: "sign-in-pin" }, t("sign.pin")), pin),
      picked.token.final_try || picked.token.maybe_final ? el("label", { htmlFor: "sign-in-final" }, final, " ", t("sign_in.final")) : "",
      el("div", { class: "actions" }, go, shut(dialog, t("button.cancel")))));
  pin.focus();
}

// arrivingSignIn begins the sign-in that this page was opened for.
export async function arrivingSignIn() {
  const { code } = await get("/api/sign-in");
  if (code) await signIn(code);
}
