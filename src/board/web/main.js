/* Begins here: who are we talking to, may we, and then the page, fed by the stream. */

import { whenLoginIsNeeded } from "./api.js";
import { html, render } from "./html.js";
import { readSession, session, takeTokenFromAddress } from "./session.js";
import { Page } from "./shell.js";

whenLoginIsNeeded(() => {
    session.value = { ...session.peek(), logged_in: false };
});

const token = takeTokenFromAddress();
render(html`<${Page} />`, document.getElementById("page"));
readSession(token);
