/* Numbers, sizes, times and rates as the reader's language writes them. */
import { locale, t } from "./i18n/index.js";

const made = new Map();

/* Intl's objects are slow to make: one of each kind a language. */
function intl(Kind, options = {}) {
    const key = `${Kind.name} ${locale.value} ${JSON.stringify(options)}`;
    if (!made.has(key)) made.set(key, new Kind(locale.value, options));
    return made.get(key);
}

const isNothing = (value) => value === null || value === undefined || Number.isNaN(value);

export const number = (value, digits = 0) =>
    isNothing(value) ? "–" : intl(Intl.NumberFormat, { maximumFractionDigits: digits }).format(value);

/** 1,234 whole; from 100,000 on 123 K, 4.5 M. */
export const compact = (value) =>
    isNothing(value)
        ? "–"
        : Math.abs(value) < 1e5
          ? number(value, value % 1 && Math.abs(value) < 100 ? 1 : 0)
          : intl(Intl.NumberFormat, { notation: "compact", maximumFractionDigits: 1 }).format(value);

export const percent = (share, digits = 0) =>
    isNothing(share) ? "–" : intl(Intl.NumberFormat, { style: "percent", maximumFractionDigits: digits }).format(share);

const UNITS = ["B", "KiB", "MiB", "GiB", "TiB"];

export function bytes(value) {
    if (isNothing(value)) return "–";
    const step = Math.min(UNITS.length - 1, Math.max(0, Math.floor(Math.log2(Math.max(1, Math.abs(value))) / 10)));
    return `${number(value / 1024 ** step, step ? 1 : 0)} ${UNITS[step]}`;
}

export const rate = (value) => t("format.per_second", { value: compact(value ?? 0) });
export const byteRate = (value) => t("format.per_second", { value: bytes(Math.round(value ?? 0)) });

/** 850 ms, 12.3 s, 4 min 5 s, 2 h 10 min, 3 d 4 h */
export function duration(ms) {
    if (isNothing(ms)) return "–";
    if (ms < 1000) return `${number(ms)} ms`;
    if (ms < 60e3) return `${number(ms / 1000, 1)} s`;
    const [minutes, hours, days] = [Math.floor(ms / 60e3), Math.floor(ms / 3600e3), Math.floor(ms / 86400e3)];
    if (minutes < 60) return `${minutes} min ${Math.floor(ms / 1000) % 60} s`;
    return hours < 24 ? `${hours} h ${minutes % 60} min` : `${number(days)} d ${hours % 24} h`;
}

const isToday = (date) => date.toDateString() === new Date().toDateString();

/** Today's times without the date. */
export function time(text) {
    if (!text) return "–";
    const date = new Date(text);
    const options = { hour: "2-digit", minute: "2-digit", second: "2-digit" };
    return intl(Intl.DateTimeFormat, isToday(date) ? options : { ...options, day: "2-digit", month: "short" }).format(
        date,
    );
}

export const dateTime = (text) =>
    text ? intl(Intl.DateTimeFormat, { dateStyle: "medium", timeStyle: "medium" }).format(new Date(text)) : "–";

export function ago(text, now = Date.now()) {
    const seconds = Math.round((new Date(text) - now) / 1000);
    const [unit, size] = [
        ["day", 86400],
        ["hour", 3600],
        ["minute", 60],
        ["second", 1],
    ].find(([, s]) => Math.abs(seconds) >= s) ?? ["second", 1];
    return intl(Intl.RelativeTimeFormat, { numeric: "auto", style: "short" }).format(Math.trunc(seconds / size), unit);
}

/* ---- cells: text as DuckDB writes it, and the column's type ---- */

const NUMERIC =
    /^(TINYINT|SMALLINT|INTEGER|BIGINT|HUGEINT|UTINYINT|USMALLINT|UINTEGER|UBIGINT|UHUGEINT|FLOAT|DOUBLE|DECIMAL)/;
const TEMPORAL = /^(DATE|TIMESTAMP)/;

export const isNumeric = (type) => NUMERIC.test(type) && !type.endsWith("[]");
export const isTemporal = (type) => TEMPORAL.test(type) && !type.endsWith("[]");
export const isText = (type) => type.startsWith("VARCHAR") && !type.endsWith("[]");

/** The short name of a type for a column's head. */
export function typeName(type = "") {
    if (type.endsWith("[]")) return "list";
    if (type.startsWith("STRUCT")) return "struct";
    if (type.startsWith("MAP")) return "map";
    return (
        {
            VARCHAR: "text",
            DOUBLE: "double",
            BIGINT: "bigint",
            TIMESTAMP: "timestamp",
            "TIMESTAMP WITH TIME ZONE": "timestamptz",
        }[type] ?? type.toLowerCase()
    );
}

/** A cell's text in the reader's language. Digits are never rounded away: what does not fit a number stays text. */
export function cell(text, type) {
    if (text === null) return null;
    if (!isNumeric(type)) return text;
    const match = /^(-?)(\d+)(\.\d+)?$/.exec(text);
    if (!match) return text;
    const [, sign, whole, fraction = ""] = match;
    const point = intl(Intl.NumberFormat, {})
        .formatToParts(1.5)
        .find((part) => part.type === "decimal").value;
    /* Four digits stand without a separator: most of them are years and codes. */
    const grouped = whole.length > 4 ? intl(Intl.NumberFormat, {}).format(BigInt(whole)) : whole;
    return `${sign ? "\u2212" : ""}${grouped}${fraction.replace(".", point)}`;
}

/** A measure such as a mean, to six digits: more would say nothing. */
export function measure(text, type) {
    const value = Number(text);
    if (!isNumeric(type) || !/\.\d{5,}|e/.test(text) || Number.isNaN(value)) return cell(text, type);
    return intl(Intl.NumberFormat, { maximumSignificantDigits: 6 }).format(value);
}

/** The moment that a cell of a time type tells, in milliseconds. */
export function moment(text) {
    if (!text) return NaN;
    const iso = text.replace(" ", "T");
    return Date.parse(
        /[zZ]|[+-]\d\d(:?\d\d)?$/.test(iso.slice(10))
            ? iso.replace(/([+-]\d\d)$/, "$1:00")
            : iso.length > 10
              ? `${iso}Z`
              : iso,
    );
}
