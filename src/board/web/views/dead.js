/* References whose data could not be processed: why, and what to do with them. */

import { post } from "../api.js";
import { dateTime, number, time } from "../format.js";
import { useGet } from "../hooks.js";
import { html, useState } from "../html.js";
import { t } from "../i18n/index.js";
import { Empty, Failure, Figure, Head, Working } from "../parts/bits.js";
import { Icon } from "../parts/icons.js";
import { Confirm, Sheet } from "../parts/sheet.js";
import { Table } from "../parts/table.js";
import { adjust, href, route } from "../router.js";
import { act, session } from "../session.js";
import { say } from "../toast.js";

const LIMIT = 200;

export default function Dead() {
    const { params } = route.value;
    const { data, error, reload } = useGet("/dead", { state: "open", limit: LIMIT }, ["dead"]);
    const [chosen, setChosen] = useState(() => new Set());
    const [asked, setAsked] = useState(null);
    const letters = data?.dead ?? [];
    const open = letters.find(({ no }) => String(no) === params.no);
    const ids = letters.filter(({ no }) => chosen.has(no)).map(({ id }) => id);
    const ask = (what, some) => act(() => setAsked({ what, ids: some }));
    const carryOut = async () => {
        const { what, ids: some } = asked;
        setAsked(null);
        try {
            const { done } = await post(`/dead/${what}`, some ? { ids: some } : { all: true });
            say(t(`dead.${what}_done`, { n: done }));
            setChosen(new Set());
            adjust({ no: "" });
            reload();
        } catch (failure) {
            if (failure.code !== "login") say(failure.message, "bad");
        }
    };
    const mayAct = !session.value.read_only;
    const n = asked ? (asked.ids ? asked.ids.length : (data?.open ?? 0)) : 0;
    return html`<${Head} title=${t("nav.dead")} note=${t("dead.note")}>${mayAct && letters.length > 0 && html`<${Actions} count=${ids.length} onAsk=${(what) => ask(what, ids.length ? ids : null)} />`}</${Head}>
        <${Failure} error=${error} onRetry=${reload} />${!data && !error && html`<${Working} label=${t("files.reading")} />`}
        ${data && !letters.length && html`<${Empty} icon="check" title=${t("dead.empty")}>${t("dead.empty_hint")}</${Empty}>`}
        ${letters.length > 0 && html`<${List} letters=${letters} chosen=${chosen} onChoose=${setChosen} mayAct=${mayAct} open=${data.open} />`}
        ${open && !asked && html`<${Letter} letter=${open} mayAct=${mayAct} onAsk=${(what) => ask(what, [open.id])} />`}
        ${
            asked &&
            html`<${Confirm} title=${t(`dead.${asked.what}_title`, { n })} text=${t(`dead.${asked.what}_text`)} action=${t(`dead.${asked.what}`)}
            danger=${asked.what === "drop"} onConfirm=${carryOut} onClose=${() => setAsked(null)} />`
        }`;
}

const Actions = ({ count, onAsk }) => html`
    <button type="button" class="button is-main" onClick=${() => onAsk("retry")}><${Icon} name="retry" />${count ? t("dead.retry_some", { n: count }) : t("dead.retry_all")}</button>
    <button type="button" class="button" onClick=${() => onAsk("drop")}><${Icon} name="trash" />${count ? t("dead.drop_some", { n: count }) : t("dead.drop_all")}</button>`;

function List({ letters, chosen, onChoose, mayAct, open }) {
    const toggle = (no) => {
        const next = new Set(chosen);
        if (!next.delete(no)) next.add(no);
        onChoose(next);
    };
    const columns = [
        { key: "id", head: t("dead.reference"), cell: (one) => html`<code>${one.id}</code>` },
        ...(mayAct
            ? [
                  {
                      key: "chosen",
                      head: t("dead.choose"),
                      cell: (one) =>
                          html`<input type="checkbox" checked=${chosen.has(one.no)} onChange=${() => toggle(one.no)} aria-label=${t("dead.choose_one", { id: one.id })} />`,
                  },
              ]
            : []),
        {
            key: "error",
            head: t("dead.reason"),
            wide: true,
            cell: (one) => html`<span class="reason">${one.error}</span>`,
        },
        { key: "group", head: t("river.group"), cell: (one) => one.group },
        { key: "attempts", head: t("dead.attempts"), align: "end", cell: (one) => number(one.attempts) },
        {
            key: "time",
            head: t("files.time"),
            align: "end",
            cell: (one) => html`<time dateTime=${one.time} title=${dateTime(one.time)}>${time(one.time)}</time>`,
        },
    ];
    return html`<section class="section"><${Table} label=${t("nav.dead")} columns=${columns} rows=${letters} rowKey=${({ no }) => no} href=${({ no }) => href("dead", { no })} />
        ${open > letters.length && html`<p class="note">${t("files.shown_of", { shown: letters.length, n: open })}</p>`}</section>`;
}

/* A reference is JSON; what is none came as a text. */
const pretty = (value) => (typeof value === "string" ? value : JSON.stringify(value, null, 2));

function Letter({ letter, mayAct, onAsk }) {
    return html`<${Sheet} title=${letter.id} note=${t("dead.note_one", { topic: letter.topic, group: letter.group })} onClose=${() => adjust({ no: "" })}>
        <${Failure} error=${{ message: letter.error }} />
        ${
            mayAct &&
            html`<p class="tools"><button type="button" class="button is-main" onClick=${() => onAsk("retry")}><${Icon} name="retry" />${t("dead.retry")}</button>
            <button type="button" class="button" onClick=${() => onAsk("drop")}><${Icon} name="trash" />${t("dead.drop")}</button></p>`
        }
        <dl class="facts is-single"><${Figure} name=${t("dead.attempts")} value=${number(letter.attempts)} /><${Figure} name=${t("files.time")} value=${dateTime(letter.time)} />
            <${Figure} name=${t("river.topic")} value=${letter.topic} /><${Figure} name=${t("dead.offset")} value=${`${letter.partition ?? 0} / ${letter.offset}`} /></dl>
        <section><h3>${t("dead.value")}</h3><pre class="code" tabindex="0">${pretty(letter.value)}</pre></section></${Sheet}>`;
}
