// The form beside the conversation: what of a request is not its messages.

const NUMBERS = ["temperature", "max_tokens", "top_p"];
const field = (name) => document.getElementById(`set-${name}`);

/** The fields of the request, and the system prompt; null, with the fault shown, if one is wrong. */
export function readSettings() {
  const body = {};
  let sound = true;
  for (const name of NUMBERS) {
    const input = field(name);
    const wrong = !input.validity.valid;
    fault(input, wrong ? input.validationMessage : "");
    sound &&= !wrong;
    if (input.value !== "" && !wrong) body[name] = Number(input.value);
  }
  const stop = field("stop").value.split("\n").filter((line) => line !== "");
  if (stop.length) body.stop = stop;
  if (field("reasoning_effort").value) body.reasoning_effort = field("reasoning_effort").value;
  const kind = field("response_format").value;
  if (kind === "json_object") body.response_format = { type: kind };
  if (kind === "json_schema") {
    sound = parsed("schema", (schema) => { body.response_format = { type: kind, json_schema: named(schema) }; }) && sound;
  }
  sound = parsed("tools", (tools) => { body.tools = asTools(tools); }) && sound;
  sound = parsed("further", (more) => Object.assign(body, asObject(more))) && sound;
  return sound ? { system: field("system").value, body } : null;
}

/** Fill the form from the fields of a request. */
export function writeSettings(system, body) {
  const rest = { ...body };
  const take = (name) => {
    const value = rest[name];
    delete rest[name];
    return value;
  };
  field("system").value = system;
  for (const name of NUMBERS) field(name).value = take(name) ?? "";
  field("stop").value = [take("stop") ?? []].flat().join("\n");
  const efforts = [...field("reasoning_effort").options].map((option) => option.value);
  if (efforts.includes(rest.reasoning_effort)) field("reasoning_effort").value = take("reasoning_effort");
  if (rest.tools) field("tools").value = pretty(take("tools"));
  const format = rest.response_format?.type;
  if (format === "json_schema") field("schema").value = pretty(take("response_format").json_schema);
  if (format === "json_object") take("response_format");
  if (format === "json_object" || format === "json_schema") field("response_format").value = format;
  if (Object.keys(rest).length) field("further").value = pretty(rest);
  showSchema();
}

export function showSchema() {
  field("schema").closest(".field").hidden = field("response_format").value !== "json_schema";
}

const pretty = (value) => JSON.stringify(value, null, 2);

/** Give a field's JSON to `use`; whether it was well. An empty field is. */
function parsed(name, use) {
  const input = field(name);
  try {
    if (input.value.trim()) use(JSON.parse(input.value));
    else if (name === "schema") throw new Error("a schema is needed here");
    fault(input, "");
    return true;
  } catch (error) {
    fault(input, error.message);
    return false;
  }
}

function fault(input, message) {
  const shown = document.getElementById(`${input.id}-error`);
  shown.textContent = message;
  shown.hidden = !message;
  if (message) {
    input.setAttribute("aria-invalid", "true");
    input.closest("details").open = true;
  } else {
    input.removeAttribute("aria-invalid");
  }
}

/** Functions may be given bare, as their name, description and parameters. */
function asTools(value) {
  return [value].flat().map((tool) => {
    if (tool?.type && tool.type !== "object") return tool;
    if (typeof tool?.name !== "string") throw new Error("each function needs a name");
    return { type: "function", function: tool };
  });
}

function asObject(value) {
  if (value === null || typeof value !== "object" || Array.isArray(value)) {
    throw new Error('an object is needed here, such as {"seed": 1}');
  }
  return value;
}

const named = (schema) => (schema.schema && schema.name ? schema : { name: "answer", schema });
