// The playground: one prompt to up to four models, and the same request as code.

import { Column, picture } from "./column.js";
import { WRITERS, shortened } from "./code.js";
import { readSettings, showSchema, writeSettings } from "./settings.js";

const MOST = 4;
const byId = (id) => document.getElementById(id);
const given = JSON.parse(byId("playground-data").textContent);
const words = JSON.parse(byId("words").textContent);
const columns = [];
let pictures = []; // data URLs that go with the next prompt

const call = {
  url: () => `${given.call}${byId("key").value}/`,
  outcome: (id) => given.outcome.replace("ID", encodeURIComponent(id)),
  token: document.querySelector("[name=csrfmiddlewaretoken]").value,
};

// --- Columns --------------------------------------------------------------------------------

function addColumn(model = "") {
  const column = new Column(call, { change, ask });
  column.input.value = model || byId("callable").options[columns.length]?.value || "";
  column.root.querySelector(".remove").addEventListener("click", () => removeColumn(column));
  columns.push(column);
  byId("columns").append(column.root);
  change();
  return column;
}

function removeColumn(column) {
  column.stop();
  columns.splice(columns.indexOf(column), 1);
  column.root.remove();
  change();
  byId("add").focus();
}

function change() {
  const busy = columns.some((column) => column.busy);
  byId("send").disabled = busy;
  byId("stop").disabled = !busy;
  byId("add").hidden = columns.length >= MOST;
  columns.forEach((column, at) => {
    column.root.setAttribute("aria-label", `${words.model} ${at + 1}: ${column.model}`);
    column.root.querySelector(".remove").hidden = columns.length === 1;
  });
  writeCode();
}

// --- Asking ---------------------------------------------------------------------------------

function prompt() {
  const text = byId("prompt").value;
  if (!pictures.length) return text ? [{ role: "user", content: text }] : [];
  const images = pictures.map((url) => ({ type: "image_url", image_url: { url } }));
  return [{ role: "user", content: [...(text ? [{ type: "text", text }] : []), ...images] }];
}

function send() {
  say("");
  if (columns.some((column) => column.busy)) return;
  const next = prompt();
  const settings = readSettings();
  if (!settings) return say(words.faulty);
  if (columns.some((column) => !column.model)) return say(words.nameless);
  if (columns.some((column) => column.open.length)) return say(words.unanswered);
  if (!next.length && columns.some((column) => ["assistant", undefined].includes(column.messages.at(-1)?.role))) {
    return say(words.empty);
  }
  for (const column of columns) column.add(...next);
  byId("prompt").value = "";
  pictures = [];
  showPictures();
  return Promise.all(columns.map((column) => ask(column, settings)));
}

/** Ask one of them for its next message. */
async function ask(column, settings = readSettings()) {
  if (!settings) return say(words.faulty);
  const asked = column.ask(settings);
  change();
  return asked;
}

function say(text) {
  byId("said").textContent = text;
}

// --- Pictures -------------------------------------------------------------------------------

async function attach(files) {
  say("");
  for (const file of files) {
    const size = pictures.reduce((sum, url) => sum + url.length, 0) + file.size * 1.4;
    if (size > given.max_mb * 2 ** 20) return say(words.too_large);
    pictures.push(await dataUrl(file));
  }
  showPictures();
}

function dataUrl(file) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(reader.result);
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(file);
  });
}

function showPictures() {
  byId("pictures").replaceChildren(...pictures.map((url, at) => {
    const button = document.createElement("button");
    button.type = "button";
    button.setAttribute("aria-label", words.remove_picture);
    button.append(picture(url));
    button.addEventListener("click", () => { pictures.splice(at, 1); showPictures(); });
    return button;
  }));
  change();
}

// --- Code -----------------------------------------------------------------------------------

/** The request that comes next, or else the one that was sent last. */
function writeCode() {
  if (!byId("code").open) return;
  const of = byId("code-of");
  const at = Math.min(Math.max(of.selectedIndex, 0), columns.length - 1);
  of.replaceChildren(...columns.map((column) => new Option(column.model || "…")));
  of.selectedIndex = at;
  of.closest(".field").hidden = columns.length === 1;
  const column = columns[at];
  const settings = readSettings();
  const next = prompt();
  if (!settings || !column) return;
  const body = !next.length && column.sent ? column.sent : column.request(settings, next);
  const language = document.querySelector("#languages [aria-selected=true]").dataset.language;
  const whole = WRITERS[language](body, given.base_url);
  byId("code-whole").value = whole;
  byId("code-text").textContent = shortened(whole);
  byId("copy-code").dataset.copy = whole === byId("code-text").textContent ? "code-text" : "code-whole";
}

function choose(tab) {
  for (const each of byId("languages").children) {
    each.setAttribute("aria-selected", String(each === tab));
    each.tabIndex = each === tab ? 0 : -1;
  }
  byId("code-panel").setAttribute("aria-labelledby", tab.id);
  writeCode();
}

// --- A request of the log -------------------------------------------------------------------

function reopen(request) {
  const { model, messages = [], stream, stream_options, ...body } = request;
  const first = messages.findIndex((message) => !["system", "developer"].includes(message.role));
  const systems = messages.slice(0, first < 0 ? messages.length : first);
  const talk = messages.slice(systems.length);
  writeSettings(systems.map((message) => textOf(message.content)).join("\n\n"), body);
  const column = addColumn(model);
  if (talk.at(-1)?.role === "user") {
    const { content } = talk.pop();
    byId("prompt").value = textOf(content);
    pictures = Array.isArray(content)
      ? content.filter((part) => part.type === "image_url").map((part) => part.image_url.url)
      : [];
    showPictures();
  }
  column.add(...talk);
}

const textOf = (content) =>
  typeof content === "string" || !content
    ? content || ""
    : content.filter((part) => part.type === "text").map((part) => part.text).join("\n");

// --- The page -------------------------------------------------------------------------------

byId("send").addEventListener("click", send);
byId("stop").addEventListener("click", () => columns.forEach((column) => column.stop()));
byId("new").addEventListener("click", () => { columns.forEach((column) => column.clear()); say(""); change(); });
byId("add").addEventListener("click", () => addColumn().input.focus());
byId("prompt").addEventListener("input", writeCode);
byId("prompt").addEventListener("keydown", (event) => {
  if (event.key === "Enter" && !event.shiftKey && !event.isComposing) {
    event.preventDefault();
    send();
  }
});
byId("prompt").addEventListener("paste", (event) => {
  const images = [...event.clipboardData.files].filter((file) => file.type.startsWith("image/"));
  if (images.length) {
    event.preventDefault();
    attach(images);
  }
});
byId("image").addEventListener("change", (event) => {
  attach([...event.target.files]);
  event.target.value = "";
});
byId("settings").addEventListener("input", () => { showSchema(); writeCode(); });
byId("code").addEventListener("toggle", writeCode);
byId("code-of").addEventListener("change", writeCode);
byId("languages").addEventListener("click", (event) => {
  const tab = event.target.closest("[role=tab]");
  if (tab) choose(tab);
});
byId("languages").addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
  if (!step) return;
  const tabs = [...byId("languages").children];
  const next = tabs[(tabs.indexOf(event.target) + step + tabs.length) % tabs.length];
  choose(next);
  next.focus();
});

showSchema();
if (given.request) reopen(given.request);
else addColumn();
