// Checks a receipt (C2SP tlog-proof) in the browser: nothing is sent anywhere. It does
// what package custody/signinglog does: the checkpoint's Ed25519 signature (C2SP signed
// note), the inclusion proof (RFC 6962 §2.1.1), and, with a file, its SHA-256.
"use strict";
(() => {
  const form = document.getElementById("receipt-form");
  const say = (key, params = {}) => {
    let text = form.dataset[key] || key;
    for (const [name, value] of Object.entries(params)) text = text.replaceAll("{" + name + "}", value);
    return text;
  };
  class Bad extends Error {}
  const utf8 = new TextEncoder();
  const bytesOf = (base64) => {
    if (!/^[A-Za-z0-9+/]*={0,2}$/.test(base64) || base64.length % 4) throw new Bad("malformed");
    const bytes = Uint8Array.from(atob(base64), (c) => c.charCodeAt(0));
    if (base64Of(bytes) !== base64) throw new Bad("malformed"); // one form only
    return bytes;
  };
  const base64Of = (bytes) => btoa(String.fromCharCode(...bytes));
  const sha256 = async (...parts) => {
    const all = new Uint8Array(parts.reduce((n, p) => n + p.length, 0));
    let at = 0;
    for (const p of parts) { all.set(p, at); at += p.length; }
    return new Uint8Array(await crypto.subtle.digest("SHA-256", all));
  };
  const hex = (bytes) => [...bytes].map((b) => b.toString(16).padStart(2, "0")).join("");
  const same = (a, b) => a.length === b.length && a.every((x, i) => x === b[i]);
  const count = (text) => {
    if (!/^(0|[1-9][0-9]{0,18})$/.test(text)) throw new Bad("malformed");
    return BigInt(text);
  };

  const parse = (text) => {
    const cut = text.indexOf("\n\n");
    if (cut < 0) throw new Bad("malformed");
    const lines = text.slice(0, cut).split("\n");
    const note = text.slice(cut + 2);
    if (lines[0] !== "c2sp.org/tlog-proof@v1" || !lines[1]?.startsWith("extra ") || !lines[2]?.startsWith("index ") || lines.length > 66) throw new Bad("malformed");
    const proof = lines.slice(3).map(bytesOf);
    if (proof.some((h) => h.length !== 32)) throw new Bad("malformed");
    return { entry: bytesOf(lines[1].slice(6)), index: count(lines[2].slice(6)), proof, note };
  };

  // signed returns the text of a note that the key has signed, and the key's name.
  const signed = async (note, vkey) => {
    const key = /^([^+\s]+)\+([0-9a-f]{8})\+(.+)$/.exec(vkey.trim());
    if (!key) throw new Bad("key");
    let encoded;
    try { encoded = bytesOf(key[3]); } catch { throw new Bad("key"); }
    if (encoded.length !== 33 || encoded[0] !== 1) throw new Bad("key");
    const id = (await sha256(utf8.encode(key[1] + "\n"), encoded)).slice(0, 4);
    if (hex(id) !== key[2]) throw new Bad("key");
    const cut = note.lastIndexOf("\n\n");
    if (cut < 0 || !note.endsWith("\n")) throw new Bad("malformed");
    const text = note.slice(0, cut + 1);
    const publicKey = await crypto.subtle.importKey("raw", encoded.slice(1), { name: "Ed25519" }, false, ["verify"]);
    for (const line of note.slice(cut + 2, -1).split("\n")) {
      const parts = /^\u2014 (\S+) (\S+)$/.exec(line);
      if (!parts) throw new Bad("malformed");
      if (parts[1] !== key[1]) continue; // a witness
      const signature = bytesOf(parts[2]);
      if (!same(signature.slice(0, 4), id)) continue;
      if (!(await crypto.subtle.verify({ name: "Ed25519" }, publicKey, signature.slice(4), utf8.encode(text)))) throw new Bad("signature");
      return { text, name: key[1] };
    }
    throw new Bad("signature");
  };

  // open follows the changes of the log's key from the one it began with (each line
  // "key-change" is the key's own word for its successor) and opens the checkpoint.
  const open = async (note, vkey) => {
    let key = vkey, last = 0n;
    const text = note.slice(0, Math.max(note.lastIndexOf("\n\n"), 0));
    for (const line of text.split("\n").slice(3)) {
      if (!line.startsWith("key-change ")) continue;
      const change = await signed(new TextDecoder().decode(bytesOf(line.slice(11))), key);
      const [title, origin, next, size, root, end] = change.text.split("\n");
      if (title !== "log-key-change" || origin !== change.name || end !== "" || bytesOf(root).length !== 32 || count(size) <= last) throw new Bad("signature");
      if (!next.startsWith(origin + "+")) throw new Bad("key");
      key = next;
      last = count(size);
    }
    const checkpoint = await signed(note, key);
    const [origin, size, root] = checkpoint.text.split("\n");
    if (origin !== checkpoint.name || count(size) < last) throw new Bad("signature");
    return { origin, size: count(size), root: bytesOf(root) };
  };

  const included = async (receipt, checkpoint) => {
    let fn = receipt.index, sn = checkpoint.size - 1n;
    if (fn > sn) throw new Bad("included");
    let hash = await sha256(Uint8Array.of(0), receipt.entry);
    for (const p of receipt.proof) {
      if (sn === 0n) throw new Bad("included");
      if (fn & 1n || fn === sn) {
        hash = await sha256(Uint8Array.of(1), p, hash);
        while (!(fn & 1n) && fn !== 0n) { fn >>= 1n; sn >>= 1n; }
      } else {
        hash = await sha256(Uint8Array.of(1), hash, p);
      }
      fn >>= 1n;
      sn >>= 1n;
    }
    if (sn !== 0n || !same(hash, checkpoint.root)) throw new Bad("included");
  };

  const show = (kind, text, entry = "") => {
    const box = document.getElementById("receipt-result");
    box.hidden = false;
    box.className = "notice " + kind;
    box.textContent = text;
    const pre = document.getElementById("receipt-entry");
    pre.hidden = entry === "";
    pre.querySelector("pre").textContent = entry;
  };

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    try {
      if (!globalThis.crypto?.subtle) throw new Bad("insecure");
      const receipt = parse(await form.receipt.files[0].text());
      let checkpoint;
      try {
        checkpoint = await open(receipt.note, form.key.value);
      } catch (error) {
        throw error instanceof Bad ? error : new Bad("unsupported");
      }
      await included(receipt, checkpoint);
      const entry = new TextDecoder("utf-8", { fatal: true }).decode(receipt.entry);
      const field = (name) => new RegExp("^" + name + " (.*)$", "m").exec(entry)?.[1] || "";
      const at = new Date(field("at"));
      const params = { index: receipt.index, size: checkpoint.size, origin: checkpoint.origin,
        at: at.toLocaleString(document.documentElement.lang === "en" ? "en-GB" : "vi-VN", { timeZone: "Asia/Ho_Chi_Minh", day: "2-digit", month: "2-digit", year: "numeric", hour: "2-digit", minute: "2-digit" }) };
      let text = say("good", params), kind = "good";
      if (form.file.files.length > 0) {
        const sum = hex(await sha256(new Uint8Array(await form.file.files[0].arrayBuffer())));
        const fits = sum === field("sha256_out");
        text += " " + say(fits ? "fileGood" : "fileOther");
        if (!fits) kind = "warn";
      }
      show(kind, text, entry);
    } catch (error) {
      show("bad", say(error instanceof Bad ? error.message : "malformed"));
    }
  });
  form.querySelector("button").disabled = false;
})();
