/* The page's languages. A message is found by its key; {name} in it is replaced, and [one|other] chosen by {n}. */
import { effect, signal } from "../html.js";
import { recall, remember } from "../store.js";
import en from "./en.js";
import pt from "./pt-BR.js";

const tables = { en, "pt-BR": pt };
export const LOCALES = { en: "English", "pt-BR": "Português (Brasil)" };

const wanted = () => (navigator.languages.find((tag) => /^(en|pt)/i.test(tag)) ?? "en").slice(0, 2).toLowerCase();

export const locale = signal(recall("locale", wanted() === "pt" ? "pt-BR" : "en"));

effect(() => {
    document.documentElement.lang = locale.value;
    remember("locale", locale.value);
});

/** The message of that key. `values.n` is a number: it is written in the language's way and decides the plural. */
export function t(key, values = {}) {
    const text = tables[locale.value][key] ?? key;
    return text
        .replace(/\[([^|\]]*)\|([^\]]*)\]/g, (_, one, other) =>
            new Intl.PluralRules(locale.value).select(Number(values.n)) === "one" ? one : other,
        )
        .replace(/\{(\w+)\}/g, (_, name) =>
            typeof values[name] === "number"
                ? new Intl.NumberFormat(locale.value).format(values[name])
                : (values[name] ?? ""),
        );
}

export function nextLocale() {
    const names = Object.keys(LOCALES);
    locale.value = names[(names.indexOf(locale.value) + 1) % names.length];
}
