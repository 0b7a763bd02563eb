// The desk's calls. The secret came in the address's fragment and is kept for this tab only; other origins, which
// include other ports of this machine, do not see it.
const fromAddress = location.hash.slice(1);
if (fromAddress) {
  sessionStorage.setItem("secret", fromAddress);
  history.replaceState(null, "", "/");
}
const secret = sessionStorage.getItem("secret") ?? "";

export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }
}

async function answered(path, options) {
  let response;
  try {
    response = await fetch(path, { ...options, headers: { Authorization: "Bearer " + secret, ...options?.headers } });
  } catch {
    throw new Refusal(0, "gone", "");
  }
  if (!response.ok) {
    const failure = await response.json().catch(() => ({}));
    throw new Refusal(response.status, failure.code ?? "", failure.message ?? response.statusText);
  }
  return response;
}

export const get = async (path) => (await answered(path)).json();

export const post = async (path, body) =>
  (await answered(path, { method: "POST", body: JSON.stringify(body ?? {}), headers: { "Content-Type": "application/json" } })).json();

// upload hands a file over as it is; its name goes along as RFC 6266 and RFC 8187 write it.
export const upload = async (file) =>
  (await answered("/api/documents", {
    method: "POST", body: file,
    headers: { "Content-Type": "application/pdf", "Content-Disposition": "attachment; filename*=UTF-8''" + encodeURIComponent(file.name).replace(/['()*]/g, (c) => "%" + c.charCodeAt(0).toString(16)) },
  })).json();

// picture is the address of a picture that was fetched with the secret; free it with URL.revokeObjectURL.
export const picture = async (path) => URL.createObjectURL(await (await answered(path)).blob());
