// el makes an element. Text goes in as text, never as HTML: names of files and text of documents are anybody's.
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name === "class") node.className = value;
    else if (name === "style") Object.assign(node.style, value);
    else if (name in node && name !== "list" && name !== "form") node[name] = value;
    else node.setAttribute(name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

// tell says something to everybody, those who do not see the screen included, for a while.
let timer;
export function tell(text, kind = "good") {
  const told = document.getElementById("told");
  told.replaceChildren(el("p", { class: "notice " + kind }, text));
  clearTimeout(timer);
  timer = setTimeout(() => told.replaceChildren(), 9000);
}

// ask puts a question in a dialog; the answer is true or false.
export function ask(question, yes, no) {
  return new Promise((resolve) => {
    const dialog = el("dialog", { class: "small", onclose: () => { dialog.remove(); resolve(dialog.returnValue === "yes"); } },
      el("form", { method: "dialog" }, el("p", {}, question),
        el("div", { class: "actions" }, el("button", { value: "yes" }, yes), el("button", { value: "no", class: "second" }, no))));
    document.body.append(dialog);
    dialog.showModal();
  });
}
