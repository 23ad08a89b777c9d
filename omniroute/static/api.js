// The management API, for pages of Admin.
"use strict";

async function callApi(path, body) {
  const token = document.querySelector("[name=csrfmiddlewaretoken]").value;
  const answer = await fetch("/api" + path, {
    method: "POST",
    headers: { "content-type": "application/json", "x-csrftoken": token },
    body: JSON.stringify(body || {}),
  });
  const told = await answer.json();
  if (!answer.ok) {
    throw new Error(told.error ? told.error.message : "the gateway answered " + answer.status);
  }
  return told;
}
