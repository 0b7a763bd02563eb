// Sentences of the catalogue that the desk hands out.
import { get } from "./call.js";

let sentences = {};
export let language = "vi";

export async function load(wanted) {
  language = wanted;
  sentences = await get("/api/words?language=" + encodeURIComponent(wanted));
  document.documentElement.lang = wanted;
}

// t is the sentence of a key; {name} in it stands for a parameter.
export function t(key, params = {}) {
  const text = sentences[key] ?? key;
  return text.replace(/\{(\w+)\}/g, (all, name) => params[name] ?? all);
}

const two = (n) => String(n).padStart(2, "0");

// day writes a date as people in Vietnam do: 05/11/2026.
export function day(value) {
  const d = value instanceof Date ? value : new Date(value);
  return `${two(d.getDate())}/${two(d.getMonth() + 1)}/${d.getFullYear()}`;
}

export function moment(value) {
  const d = new Date(value);
  return `${two(d.getHours())}:${two(d.getMinutes())} ${day(d)}`;
}

export function size(bytes) {
  const units = ["B", "KB", "MB", "GB"];
  let n = bytes, i = 0;
  while (n >= 1000 && i < units.length - 1) {
    n /= 1000;
    i++;
  }
  return n.toLocaleString(language, { maximumFractionDigits: n < 10 && i ? 1 : 0 }) + " " + units[i];
}

// span is a time that passes: "2 phút 10 giây".
export function span(seconds) {
  const s = Math.max(1, Math.round(seconds));
  return s < 60 ? t("time.seconds", { s }) : t("time.minutes", { m: Math.floor(s / 60), s: s % 60 });
}
