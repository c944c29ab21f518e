/* What is remembered in this browser, in its local storage; without one, for as long as the page is open. */
const memory = new Map();

export function recall(key, fallback) {
    try {
        const text = localStorage.getItem(`riacho.${key}`);
        return text === null ? (memory.get(key) ?? fallback) : JSON.parse(text);
    } catch {
        return memory.get(key) ?? fallback;
    }
}

export function remember(key, value) {
    memory.set(key, value);
    try {
        localStorage.setItem(`riacho.${key}`, JSON.stringify(value));
    } catch {
        /* Full or forbidden: it lasts as long as the page. */
    }
}
