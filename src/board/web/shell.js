/* The frame around every view: where one can go, whether the page is live, and how it is shown. */

import { number } from "./format.js";
import { classes, html, useEffect, useState } from "./html.js";
import { LOCALES, locale, nextLocale, t } from "./i18n/index.js";
import { areOn, moveRow, switchShortcuts, useKeys } from "./keys.js";
import { connection, isPaused, pause, river } from "./live.js";
import { Empty, Failure, Field, Head } from "./parts/bits.js";
import { Icon } from "./parts/icons.js";
import { Dialog } from "./parts/sheet.js";
import { go, href, route, steps } from "./router.js";
import { logIn, loginIsOpen, logOut, mustLogIn, session } from "./session.js";
import { nextTheme, theme } from "./theme.js";
import { Toasts } from "./toast.js";
import Data from "./views/data.js";
import Dead from "./views/dead.js";
import Files from "./views/files.js";
import River from "./views/river.js";
import Runs from "./views/runs.js";
import Schemas from "./views/schemas.js";
import Sql from "./views/sql.js";

const views = { river: River, files: Files, data: Data, sql: Sql, schemas: Schemas, dead: Dead, runs: Runs };
const VIEWS = Object.keys(views);

export function Page() {
    const [isHelping, setHelping] = useState(false);
    useShortcuts(setHelping);
    useTitle();
    if (!session.value) return html`<div class="wait" />`;
    if (session.value.error) return html`<main class="lonely"><${Failure} error=${session.value.error} /></main>`;
    if (mustLogIn()) return html`<main class="lonely"><${Login} /></main>`;
    return html`<a class="skip" href="#main" onClick=${skip}>${t("nav.skip")}</a>
        <${Side} onHelp=${() => setHelping(true)} /><${Main} />
        ${isHelping && html`<${Help} onClose=${() => setHelping(false)} />`}
        ${
            loginIsOpen.value &&
            html`<${Dialog} title=${t("login.title_act")} onClose=${() => {
                loginIsOpen.value = false;
            }}><${LoginForm} /></${Dialog}>`
        }
        <${Toasts} />`;
}

function skip(event) {
    event.preventDefault();
    document.querySelector("h1")?.focus();
}

function useShortcuts(setHelping) {
    const views = Object.fromEntries(VIEWS.map((view, place) => [String(place + 1), () => go(view)]));
    useKeys({
        ...views,
        "/": () => document.querySelector("[data-search]")?.focus(),
        j: () => moveRow(1),
        k: () => moveRow(-1),
        p: () => pause(),
        t: nextTheme,
        l: nextLocale,
        "?": () => setHelping(true),
    });
}

function useTitle() {
    const name = session.value?.pipeline;
    const view = route.value.view;
    useEffect(() => {
        document.title = `${t(`nav.${VIEWS.includes(view) ? view : "river"}`)} · ${name ?? "riacho"}`;
    }, [name, view, locale.value]);
}

/* ---- the side: on a phone it lies at the top and the foot ---- */

function Side({ onHelp }) {
    const current = route.value.view;
    const dead = river.value?.dead ?? 0;
    return html`<header class="side"><div class="brand"><a href=${href("river")}><span class="mark"><${Icon} name="river" /></span>
            <span class="names"><strong>${session.value.pipeline}</strong><small>riacho ${session.value.version}</small></span></a></div>
        <nav aria-label=${t("nav.name")}><ul>${VIEWS.map(
            (view, place) => html`<li key=${view}>
            <a href=${href(view)} aria-current=${view === current ? "page" : undefined} title=${areOn.value ? t("nav.key", { key: String(place + 1) }) : undefined}>
            <${Icon} name=${view} /><span>${t(`nav.${view}`)}</span>${view === "dead" && dead > 0 && html`<b class="badge" aria-label=${t("dead.open", { n: dead })}>${number(dead)}</b>`}</a></li>`,
        )}</ul></nav>
        <${Controls} onHelp=${onHelp} /></header>`;
}

const Control = ({
    icon,
    label,
    onClick,
    pressed,
    text,
}) => html`<button type="button" class="button is-bare" onClick=${onClick} aria-pressed=${pressed} aria-label=${label} title=${label}>
    <${Icon} name=${icon} />${text && html`<span>${text}</span>`}</button>`;

function Controls({ onHelp }) {
    const state = isPaused.value ? "paused" : connection.value;
    const themeIcon = { system: "system", light: "sun", dark: "moon" }[theme.value];
    return html`<div class="controls"><p class=${`connection is-${state}`} role="status"><i aria-hidden="true" /><span>${t(`connection.${state}`)}</span></p>
        <div><${Control} icon=${isPaused.value ? "play" : "pause"} label=${t(isPaused.value ? "action.resume" : "action.pause")} pressed=${isPaused.value} onClick=${() => pause()} />
        <${Control} icon=${themeIcon} label=${t("theme.name", { name: t(`theme.${theme.value}`) })} onClick=${nextTheme} />
        <${Control} icon="globe" label=${`${locale.value.slice(0, 2).toUpperCase()}: ${t("action.language", { name: LOCALES[locale.value] })}`} text=${locale.value.slice(0, 2).toUpperCase()} onClick=${nextLocale} />
        <${Control} icon="help" label=${t("action.help")} onClick=${onHelp} />
        ${session.value.logged_in && session.value.login_required && html`<${Control} icon="lock" label=${t("login.out")} onClick=${logOut} />`}</div></div>`;
}

/* A new view begins at its top; its head takes the focus from a link that stays where it is. */
function Main() {
    const { view } = route.value;
    useEffect(() => {
        scrollTo(0, 0);
        if (steps.peek() > 0) document.querySelector("h1")?.focus({ preventScroll: true });
    }, [view]);
    const View = views[view];
    return html`<main id="main" class=${classes("main", `is-${view}`)}>
        ${View ? html`<${View} key=${view} />` : html`<${Head} title=${t("nav.unknown")} /><${Empty} title=${t("nav.unknown")}><a href=${href("river")}>${t("nav.river")}</a></${Empty}>`}</main>`;
}

/* ---- login and help ---- */

function Login() {
    return html`<div class="login"><span class="mark"><${Icon} name="river" /></span><h1>${session.value.pipeline ?? "riacho"}</h1><${LoginForm} /></div>`;
}

function LoginForm() {
    const [error, setError] = useState(null);
    const submit = (event) => {
        event.preventDefault();
        setError(null);
        logIn(new FormData(event.target).get("token").trim()).catch(setError);
    };
    return html`<form onSubmit=${submit}><p>${t("login.hint")}</p>
        <${Field} label=${t("login.token")}><input name="token" type="password" autocomplete="current-password" required autofocus /></${Field}>
        ${error && html`<${Failure} error=${error} />`}<button class="button is-main">${t("login.in")}</button></form>`;
}

const KEYS = ["1–7", "/", "j k", "Enter", "p", "t", "l", "?", "Esc", "Ctrl Enter"];

function Help({ onClose }) {
    return html`<${Dialog} title=${t("help.title")} onClose=${onClose} actions=${html`<button type="button" class="button is-main" onClick=${onClose}>${t("action.close")}</button>`}>
        <dl class="keys">${KEYS.map((keys) => html`<div key=${keys}><dt>${keys.split(" ").map((key) => html`<kbd key=${key}>${key}</kbd>`)}</dt><dd>${t(`help.${keys}`)}</dd></div>`)}</dl>
        <label class="check"><input type="checkbox" checked=${areOn.value} onChange=${switchShortcuts} />${t("help.switch")}</label></${Dialog}>`;
}
