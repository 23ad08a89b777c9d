// Passkeys: the browser makes or shows a credential, the server checks it.
//
// <form data-passkey="create|get|fetch"> has a hidden button and an input `credential`. What the
// browser is asked for is in #passkey-options; `fetch` asks the form's address for it, when it is
// wanted and not before.

// A credential belongs to a name: an IP address has none, and without TLS only localhost counts.
const able = window.isSecureContext && window.PublicKeyCredential?.parseCreationOptionsFromJSON
  && !/^[\d.]+$|^\[/.test(location.hostname);

for (const form of document.querySelectorAll("form[data-passkey]")) {
  const button = form.querySelector("button");
  if (able) {
    button.hidden = false;
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      submit(form, button);
    });
  } else if (form.dataset.passkey === "create") {
    complain(form, "Passkeys need HTTPS and a host name (or localhost), and a browser of 2025 or newer.");
  }
}

async function submit(form, button) {
  button.disabled = true;
  try {
    const credential = await ask(form);
    form.elements.credential.value = JSON.stringify(credential);
    form.submit();
  } catch (error) {
    complain(form, error.name === "NotAllowedError" ? "No passkey was used." : `It did not work: ${error.message}`);
    button.disabled = false;
  }
}

async function ask(form) {
  if (form.dataset.passkey === "create") return create(form);
  const { publicKey } = form.dataset.passkey === "fetch" ? await fetched(form.action) : given();
  return navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(publicKey) });
}

function create(form) {
  const { publicKey } = given();
  if (form.elements.passwordless.checked) {
    Object.assign(publicKey.authenticatorSelection, {
      residentKey: "required", requireResidentKey: true, userVerification: "required",
    });
  }
  return navigator.credentials.create({ publicKey: PublicKeyCredential.parseCreationOptionsFromJSON(publicKey) });
}

function given() {
  return JSON.parse(document.getElementById("passkey-options").textContent);
}

async function fetched(address) {
  const answer = await fetch(address, { headers: { accept: "application/json" } });
  if (!answer.ok) throw new Error(`the server answers ${answer.status}`);
  return (await answer.json()).request_options;
}

function complain(form, words) {
  const place = form.querySelector("[role=alert]");
  place.textContent = words;
  place.hidden = false;
}
