// Pictures of signatures and seals: from a scan or a photo, kept on this computer only.
import { get, picture, post } from "./call.js";
import { ask, el, tell } from "./dom.js";
import { changed, desk } from "./store.js";
import { t } from "./words.js";

export async function loadImages() {
  const { images, protection } = await get("/api/images");
  desk.protection = protection;
  desk.broken = images.filter((i) => i.broken);
  const known = new Map(desk.images.map((i) => [i.id, i]));
  desk.images = await Promise.all(images.filter((i) => !i.broken).map(async (i) => known.get(i.id) ?? { ...i, address: await picture("/api/images/" + i.id) }));
}

export function imagesView() {
  const list = desk.images.length
    ? el("ul", { class: "pictures" }, desk.images.map((i) => el("li", { class: "card" }, el("div", { class: "onpaper" }, el("img", { src: i.address, alt: t("images.alt." + i.kind, { name: i.name }), style: { width: i.width_mm + "mm" } })),
        el("strong", {}, i.name), el("small", {}, t("images.facts", { kind: t("images.kind." + i.kind), width: i.width_mm, height: Math.round((i.width_mm * i.height) / i.width) })),
        el("div", { class: "actions tight" }, el("button", { class: "second", onclick: () => remove(i) }, t("button.delete"))))))
    : el("p", { class: "empty" }, t("images.none"));
  return el("section", { class: "narrowbox" }, el("h1", {}, t("images.title")), el("p", { class: "dim" }, t("images.lead")), el("p", { class: "dim", id: "protection" }, t("images.protection." + desk.protection)), list,
    desk.broken?.length ? el("ul", { class: "kept" }, desk.broken.map((i) => el("li", {}, el("span", {}, t("error." + i.broken)), el("button", { type: "button", class: "second", onclick: () => remove({ ...i, name: i.id.slice(0, 4) }) }, t("button.delete"))))) : null, adder());
}

async function remove(image) {
  if (!(await ask(t("images.delete", { name: image.name }), t("button.delete"), t("button.cancel")))) return;
  try {
    await post(`/api/images/${image.id}/delete`);
    if (image.address) URL.revokeObjectURL(image.address);
    await loadImages();
  } catch (failure) {
    tell(failure.message, "bad");
  }
  changed();
}

const base64 = (file) => new Promise((resolve, reject) => {
  const reader = new FileReader();
  reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1));
  reader.onerror = () => reject(reader.error);
  reader.readAsDataURL(file);
});

function adder() {
  const shown = el("div", { class: "onpaper large", hidden: true });
  const kind = el("select", { id: "image-kind" }, ["signature", "seal"].map((k) => el("option", { value: k }, t("images.kind." + k))));
  const file = el("input", { type: "file", id: "image-file", accept: "image/png,image/jpeg", required: true });
  const name = el("input", { id: "image-name", maxLength: 60, required: true });
  const width = el("input", { id: "image-width", type: "number", min: 5, max: 120, step: 0.5, value: 45, required: true });
  const save = el("button", { type: "submit", disabled: true }, t("images.save"));
  const wrong = el("p", { class: "notice bad", hidden: true, role: "alert" });
  let scan = "";
  const attempt = async () => {
    wrong.hidden = true;
    save.disabled = true;
    if (!file.files[0]) return;
    try {
      scan = await base64(file.files[0]);
      const tried = await post("/api/images", { name: "", kind: kind.value, width_mm: 0, scan, try: true });
      const bytes = Uint8Array.from(atob(tried.png), (c) => c.charCodeAt(0));
      const img = el("img", { src: URL.createObjectURL(new Blob([bytes], { type: "image/png" })), alt: t("images.preview"), style: { width: width.value + "mm" } });
      shown.replaceChildren(img);
      shown.hidden = false;
      if (!name.value) name.value = t("images.kind." + kind.value);
      save.disabled = false;
    } catch (failure) {
      wrong.textContent = failure.message;
      wrong.hidden = false;
      shown.hidden = true;
    }
  };
  kind.addEventListener("change", () => { width.value = kind.value === "seal" ? 36 : 45; attempt(); });
  file.addEventListener("change", attempt);
  width.addEventListener("input", () => { const img = shown.querySelector("img"); if (img) img.style.width = width.value + "mm"; });
  const submit = async (e) => {
    e.preventDefault();
    try {
      await post("/api/images", { name: name.value, kind: kind.value, width_mm: Number(width.value), scan, try: false });
      await loadImages();
      tell(t("images.saved"));
      changed();
    } catch (failure) {
      wrong.textContent = failure.message;
      wrong.hidden = false;
    }
  };
  return el("form", { class: "card form", onsubmit: submit }, el("h2", {}, t("images.add")),
    el("label", { htmlFor: "image-kind" }, t("images.what")), kind,
    el("label", { htmlFor: "image-file" }, t("images.file")), file, el("small", {}, t("images.file.hint")), wrong, shown,
    el("label", { htmlFor: "image-width" }, t("images.width")), width, el("small", {}, t("images.width.hint")),
    el("label", { htmlFor: "image-name" }, t("images.name")), name,
    el("div", { class: "actions" }, save));
}
