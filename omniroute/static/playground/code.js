// A request as somebody would write it: for curl, and for OpenAI's SDKs.

// What Python's SDK has an argument for; the rest goes into its `extra_body`.
const ARGUMENTS = new Set([
  "model", "messages", "stream", "stream_options", "temperature", "max_tokens", "max_completion_tokens",
  "top_p", "stop", "reasoning_effort", "response_format", "tools", "tool_choice", "parallel_tool_calls",
  "seed", "n", "user", "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty", "logit_bias",
  "metadata", "service_tier", "store", "verbosity", "modalities", "audio", "prediction",
]);

export const WRITERS = {
  curl(body, base) {
    return [
      `curl -N ${base}/chat/completions \\`,
      '  -H "Authorization: Bearer $OMNIROUTE_API_KEY" \\',
      '  -H "Content-Type: application/json" \\',
      "  -d @- <<'JSON'",
      JSON.stringify(body, null, 2),
      "JSON",
      "",
    ].join("\n");
  },

  python(body, base) {
    const entries = Object.entries(body);
    const known = entries.filter(([name]) => ARGUMENTS.has(name));
    const extra = entries.filter(([name]) => !ARGUMENTS.has(name));
    if (extra.length) known.push(["extra_body", Object.fromEntries(extra)]);
    return [
      "import os",
      "",
      "from openai import OpenAI",
      "",
      `client = OpenAI(base_url=${inPython(base)}, api_key=os.environ["OMNIROUTE_API_KEY"])`,
      "stream = client.chat.completions.create(",
      ...known.map(([name, value]) => `    ${name}=${inPython(value, "    ")},`),
      ")",
      "for chunk in stream:",
      "    if chunk.choices:",
      '        print(chunk.choices[0].delta.content or "", end="", flush=True)',
      "",
    ].join("\n");
  },

  typescript(body, base) {
    const request = JSON.stringify(body, null, 2);
    return [
      'import OpenAI from "openai";',
      "",
      `const client = new OpenAI({ baseURL: ${JSON.stringify(base)}, apiKey: process.env.OMNIROUTE_API_KEY });`,
      `const stream = await client.chat.completions.create(${request});`,
      "for await (const chunk of stream) {",
      '  process.stdout.write(chunk.choices[0]?.delta?.content ?? "");',
      "}",
      "",
    ].join("\n");
  },
};

/** A value as a literal of Python; strings and numbers are written as in JSON. */
function inPython(value, indent = "") {
  const deeper = `${indent}    `;
  if (value === null) return "None";
  if (value === true) return "True";
  if (value === false) return "False";
  if (typeof value !== "object") return JSON.stringify(value);
  const [open, close] = Array.isArray(value) ? "[]" : "{}";
  const items = Array.isArray(value)
    ? value.map((item) => inPython(item, deeper))
    : Object.entries(value).map(([name, item]) => `${JSON.stringify(name)}: ${inPython(item, deeper)}`);
  if (!items.length) return open + close;
  return `${open}\n${items.map((item) => `${deeper}${item},\n`).join("")}${indent}${close}`;
}

/** The same with pictures cut short, which nobody reads and which fill the page. */
export function shortened(text) {
  return text.replace(/(data:[a-z]+\/[a-z0-9.+-]+;base64,[A-Za-z0-9+/]{40})[A-Za-z0-9+/=]{100,}/g, "$1…");
}
