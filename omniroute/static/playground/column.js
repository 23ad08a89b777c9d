// A conversation with one model. What models say is text, and is put into the page as nothing else.

import { Reply, complaint, events } from "./stream.js";

const words = JSON.parse(document.getElementById("words").textContent);
const OUTCOME_TRIES = 20;

export class Column {
  messages = [];
  sent = null; // the request that was sent last
  #abort = null;

  /** `on.change`: something of the next request is different; `on.ask`: results of tools are given. */
  constructor(call, on) {
    const template = document.getElementById("column");
    this.root = template.content.firstElementChild.cloneNode(true);
    this.call = call;
    this.on = on;
    this.input = this.#find("[name=model]");
    this.input.addEventListener("input", () => on.change());
    this.#find(".again").addEventListener("click", () => this.#again());
    this.#find(".again").hidden = true;
  }

  get model() {
    return this.input.value.trim();
  }

  get busy() {
    return this.#abort !== null;
  }

  /** Calls of tools whose results are to be given before anything else can be asked. */
  get open() {
    const last = this.messages.at(-1);
    return last?.role === "assistant" && last.tool_calls ? last.tool_calls : [];
  }

  request(settings, next = []) {
    const system = settings.system ? [{ role: "system", content: settings.system }] : [];
    return {
      model: this.model,
      messages: [...system, ...this.messages, ...next],
      ...settings.body,
      stream: true,
      stream_options: { include_usage: true },
    };
  }

  /** Add messages to the conversation, and to the page. */
  add(...messages) {
    for (const message of messages) {
      this.messages.push(message);
      this.#show(message);
    }
  }

  clear() {
    this.stop();
    this.messages = [];
    this.sent = null;
    this.#find(".messages").replaceChildren();
    this.#find(".figures").hidden = true;
    this.#find(".again").hidden = true;
    this.#fault("");
  }

  stop() {
    this.#abort?.abort();
  }

  /** Ask for the next message; returns when it is whole, refused or stopped. */
  async ask(settings) {
    const abort = (this.#abort = new AbortController());
    this.sent = this.request(settings);
    this.#fault("");
    this.#find(".again").hidden = true;
    const reply = new Reply();
    const shown = this.#begin();
    const watch = { began: performance.now(), first: null };
    let id = "";
    this.#figures({});
    this.root.setAttribute("aria-busy", "true");
    try {
      const response = await fetch(this.call.url(), {
        method: "POST",
        headers: { "content-type": "application/json", "x-csrftoken": this.call.token },
        body: JSON.stringify(this.sent),
        signal: abort.signal,
      });
      id = response.headers.get("x-request-id") || "";
      if (!response.ok) throw new Error(await complaint(response));
      for await (const chunk of events(response)) {
        if (reply.add(chunk)) {
          watch.first ??= performance.now();
          this.#paint(shown, reply);
        }
      }
    } catch (error) {
      this.#fault(error.name === "AbortError" ? words.stopped : error.message);
      this.#find(".again").hidden = false;
    }
    this.#end(reply, shown);
    this.#abort = null;
    this.root.removeAttribute("aria-busy");
    const ended = performance.now();
    const figures = {
      first: watch.first === null ? "–" : seconds(watch.first - watch.began),
      total: seconds(ended - watch.began),
      tokens: reply.usage ? tokens(reply.usage.prompt_tokens, reply.usage.completion_tokens) : "…",
      cost: "…",
      by: "…",
    };
    this.#figures(figures);
    this.on.change();
    if (id) await this.#settle(id, figures);
  }

  #find(selector) {
    return this.root.querySelector(selector);
  }

  #again() {
    while (this.messages.at(-1)?.role === "assistant") {
      this.messages.pop();
      this.#find(".messages").lastElementChild.remove();
    }
    this.on.ask(this);
  }

  #fault(text) {
    const shown = this.#find(".fault");
    shown.textContent = text;
    shown.hidden = !text;
  }

  #begin() {
    const shown = message("assistant", words.assistant);
    shown.root.hidden = true;
    this.#find(".messages").append(shown.root);
    return shown;
  }

  #paint(shown, reply) {
    shown.root.hidden = false;
    shown.thought.closest("details").hidden = !reply.thought;
    if (reply.thought) shown.thought.textContent = reply.thought;
    shown.text.textContent = reply.text || reply.refusal;
    shown.calls.textContent = reply.calls.length ? words.calling : "";
  }

  /** What came is part of the conversation, stopped or not; half a call of a tool is not. */
  #end(reply, shown) {
    shown.root.remove();
    const told = reply.message();
    if (!reply.finish) delete told.tool_calls;
    if (reply.empty || (told.content === null && !told.tool_calls)) return;
    this.messages.push(told);
    this.#show(told, reply.thought);
  }

  #show(told, thought = "") {
    if (told.role === "tool") for (const each of this.root.querySelectorAll(".give, .calls > button")) each.remove();
    const shown = message(told.role, words[told.role] || told.role);
    const parts = typeof told.content === "string" ? [{ type: "text", text: told.content }] : told.content || [];
    shown.text.textContent = parts.filter((part) => part.type === "text").map((part) => part.text).join("\n");
    for (const part of parts.filter((each) => each.type === "image_url")) {
      shown.root.append(picture(part.image_url.url));
    }
    shown.thought.closest("details").hidden = !thought;
    shown.thought.textContent = thought;
    for (const call of told.tool_calls || []) shown.calls.append(this.#called(call));
    if (told.tool_calls) this.#offer(shown.calls);
    this.#find(".messages").append(shown.root);
  }

  /** A call of a tool, with a field for its result. */
  #called(call) {
    const part = document.getElementById("tool-call").content.firstElementChild.cloneNode(true);
    part.querySelector(".name").textContent = call.function.name;
    part.querySelector(".arguments").textContent = indented(call.function.arguments);
    const given = part.querySelector("textarea");
    given.id = `result-${call.id}-${crypto.randomUUID?.() ?? Math.random()}`;
    given.dataset.call = call.id;
    part.querySelector("label").htmlFor = given.id;
    return part;
  }

  /** One button for the results of all calls of a message, below them. */
  #offer(calls) {
    const button = document.getElementById("give").content.firstElementChild.cloneNode(true);
    button.addEventListener("click", () => this.#give());
    calls.append(button);
  }

  /** Once each open call has its result, the model is asked to go on. */
  #give() {
    const fields = this.open.map((call) =>
      [...this.root.querySelectorAll("textarea")].findLast((each) => each.dataset.call === call.id),
    );
    const missing = fields.find((each) => !each.value);
    if (missing) {
      missing.focus();
      return;
    }
    const results = fields.map((each) => ({ role: "tool", tool_call_id: each.dataset.call, content: each.value }));
    this.add(...results);
    this.on.ask(this);
  }

  #figures(told) {
    this.#find(".figures").hidden = false;
    for (const name of ["first", "total", "tokens", "cost", "by"]) {
      this.#find(`.figure-${name}`).textContent = told[name] ?? "…";
    }
  }

  /** What the log says of the call: it is written at once, and in the database a moment later. */
  async #settle(id, figures) {
    const row = await logged(this.call.outcome(id));
    if (!row) {
      this.#figures({ ...figures, cost: "–", by: "–" });
      return;
    }
    const { usage } = row;
    this.#figures({
      ...figures,
      tokens: tokens(usage.input_tokens, usage.output_tokens) + (usage.source === "estimated" ? ` ${words.estimated}` : ""),
      cost: row.cost_usd === null ? words.unpriced : `$${row.cost_usd}`,
      by: row.model ? `${row.model} · ${row.connection}` : "–",
    });
  }
}

async function logged(url) {
  for (let tries = 0; tries < OUTCOME_TRIES; tries += 1) {
    const response = await fetch(url).catch(() => null);
    const told = response?.ok ? await response.json() : {};
    if (told.call) return told.call;
    await new Promise((resolve) => setTimeout(resolve, 100 + 50 * tries));
  }
  return null;
}

function message(role, title) {
  const root = document.getElementById("message").content.firstElementChild.cloneNode(true);
  root.classList.add(`from-${role}`);
  root.querySelector("h3").textContent = title;
  return {
    root,
    text: root.querySelector(".text"),
    thought: root.querySelector(".thought"),
    calls: root.querySelector(".calls"),
  };
}

/** A picture of the conversation; one by address is somebody else's, and only named. */
export function picture(url) {
  if (url.startsWith("data:image/")) {
    const image = new Image();
    image.src = url;
    image.alt = words.picture;
    return image;
  }
  const link = document.createElement("code");
  link.textContent = url.slice(0, 500);
  return link;
}

function indented(json) {
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}

const seconds = (ms) => `${(ms / 1000).toFixed(2)} s`;
const tokens = (input, output) => `${input} + ${output}`;
