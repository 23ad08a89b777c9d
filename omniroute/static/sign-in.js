// Signing in at a provider: the buttons of the page, through the management API.
"use strict";

(() => {
  const page = document.getElementById("sign-in");
  const at = (id) => document.getElementById(id);
  const path = (deed) => "/oauth/" + page.dataset.provider + "/" + deed;
  const pause = (seconds) => new Promise((resolve) => setTimeout(resolve, seconds * 1000));
  let state = "";

  function say(words, isBad) {
    at("said").textContent = words;
    at("said").className = isBad ? "bad" : "good";
  }

  function wish() {
    const params = {};
    for (const input of page.querySelectorAll("[data-param]")) {
      if (input.value.trim()) params[input.dataset.param] = input.value.trim();
    }
    return { name: at("name").value.trim(), params };
  }

  // Only an address of the web becomes a link, whatever a provider says.
  function link(element, url) {
    const isWeb = /^https?:\/\//.test(url);
    element.href = isWeb ? url : "#";
    return element;
  }

  function on(id, deed) {
    const button = at(id);
    if (!button) return;
    button.addEventListener("click", async (event) => {
      event.preventDefault();
      button.disabled = true;
      say("", false);
      try {
        await deed();
      } catch (error) {
        say(error.message, true);
      }
      button.disabled = false;
    });
  }

  on("authorize", async () => {
    const begun = await callApi(path("authorize"), wish());
    state = begun.state;
    link(at("authorize-url"), begun.url);
    at("comes-back").hidden = !begun.comes_back;
    at("authorizing").hidden = false;
    at("authorize-url").focus();
  });

  on("exchange", async () => {
    const made = await callApi(path("exchange"), { code: at("code").value, state });
    at("code").value = "";
    say(made.name + " is signed in.", false);
  });

  on("device", async () => {
    const begun = await callApi(path("device"), wish());
    at("user-code").textContent = begun.user_code;
    link(at("verification"), begun.complete_uri || begun.verification_uri);
    at("verification").textContent = begun.verification_uri;
    at("waiting").hidden = false;
    const until = Date.now() + begun.expires_in_s * 1000;
    let seconds = begun.interval_s;
    while (Date.now() < until) {
      await pause(seconds);
      const polled = await callApi(path("poll"), { state: begun.state });
      if (polled.status === "done") {
        at("waiting").hidden = true;
        say(polled.connection + " is signed in.", false);
        return;
      }
      seconds = polled.interval_s;
    }
    say("Nobody typed the code in. Get another one.", true);
  });
})();
