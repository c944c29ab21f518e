/* Who may do what here, and logging in. The token is told once and forgotten; the browser keeps a cookie that no script sees. */

import { get, post } from "./api.js";
import { signal } from "./html.js";
import { start } from "./live.js";

/** What GET /session says, or null before it is known; `error` if the server was not reached. */
export const session = signal(null);
export const loginIsOpen = signal(false);

let hasStarted = false;

export const mustLogIn = () => session.value?.login_required && !session.value.logged_in;

/** The command prints an address with #token=…: it leaves the address bar and the history at once. */
export function takeTokenFromAddress() {
    const token = /^#token=(.+)$/.exec(location.hash)?.[1];
    if (token) history.replaceState(null, "", "#/river");
    return token && decodeURIComponent(token);
}

export async function readSession(token) {
    try {
        if (token) await post("/login", { token }).catch(() => {});
        session.value = await get("/session");
        await startOnce();
    } catch (error) {
        session.value = { error };
        setTimeout(readSession, 2000);
    }
}

async function startOnce() {
    if (hasStarted || mustLogIn()) return;
    hasStarted = true;
    await start().catch((error) => {
        hasStarted = false;
        throw error;
    });
}

export async function logIn(token) {
    await post("/login", { token });
    loginIsOpen.value = false;
    await readSession();
}

export async function logOut() {
    await post("/logout", {});
    location.reload();
}

/** Does what changes something, or asks for the login first. */
export function act(what) {
    if (session.value.logged_in) return what();
    loginIsOpen.value = true;
    return undefined;
}
