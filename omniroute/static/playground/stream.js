// The answer to a Chat Completions request, as it streams in.

/** The JSON of each event; ends with the stream. */
export async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let held = "";
  for (;;) {
    const { value, done } = await reader.read();
    if (done) return;
    held += value;
    const whole = held.split(/\r?\n\r?\n/);
    held = whole.pop();
    for (const event of whole) {
      const data = event
        .split(/\r?\n/)
        .filter((line) => line.startsWith("data:"))
        .map((line) => line.slice(5).trimStart())
        .join("\n");
      if (data && data !== "[DONE]") yield JSON.parse(data);
    }
  }
}

/** What the deltas of one choice add up to. */
export class Reply {
  text = "";
  thought = "";
  refusal = "";
  calls = [];
  details = [];
  finish = "";
  usage = null;

  /** Whether something of the answer itself came with this chunk. */
  add(chunk) {
    if (chunk.error) throw new Error(chunk.error.message || "the stream broke off");
    if (chunk.usage) this.usage = chunk.usage;
    const choice = (chunk.choices || [])[0];
    if (!choice) return false;
    if (choice.finish_reason) this.finish = choice.finish_reason;
    const delta = choice.delta || {};
    const thought = delta.reasoning_content || (typeof delta.reasoning === "string" ? delta.reasoning : "");
    this.text += delta.content || "";
    this.thought += thought;
    this.refusal += delta.refusal || "";
    // A signed thought has to come back with the results of the calls that it led to.
    this.details.push(...(delta.reasoning_details || []).filter((each) => each.signature || each.data));
    for (const part of delta.tool_calls || []) this.#call(part);
    return Boolean(delta.content || thought || delta.refusal || delta.tool_calls);
  }

  #call(part) {
    const at = part.index ?? this.calls.length;
    const call = (this.calls[at] ??= { id: "", type: "function", function: { name: "", arguments: "" } });
    call.id = part.id || call.id;
    call.function.name = part.function?.name || call.function.name;
    call.function.arguments += part.function?.arguments || "";
  }

  get empty() {
    return !(this.text || this.thought || this.refusal || this.calls.length);
  }

  /** As it is sent back with the next request. */
  message() {
    const message = { role: "assistant", content: this.text || this.refusal || null };
    const calls = this.calls.filter((call) => call);
    if (calls.length) message.tool_calls = calls;
    if (this.details.length) message.reasoning_details = this.details;
    return message;
  }
}

/** Why a request was refused, from its answer. */
export async function complaint(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error.message;
  } catch {
    return response.status === 403
      ? "Your session has ended: reload the page."
      : `The gateway answered ${response.status}.`;
  }
}
