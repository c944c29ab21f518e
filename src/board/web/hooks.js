/* What views share of asking the server: lists that are read once and kept fresh, and queries that can be cancelled. */

import { get, runQuery } from "./api.js";
import { useCallback, useEffect, useRef, useState } from "./html.js";
import { on } from "./live.js";

/**
 * Reads `path` and again when an input changed, or when the stream says one of `refreshOn`. While it reads again,
 * what was there stays. Gives {data, error, reload, change}: change(data => data) patches what is there.
 */
export function useGet(path, params = {}, refreshOn = []) {
    const [state, setState] = useState({ data: null, error: null });
    const key = path && `${path} ${JSON.stringify(params)}`;
    const latest = useRef();

    const load = useCallback(() => {
        if (!path) return undefined;
        const aborter = new AbortController();
        latest.current?.abort();
        latest.current = aborter;
        get(path, params, aborter.signal)
            .then((data) => setState({ data, error: null, key }))
            .catch((error) => error.name !== "AbortError" && setState((old) => ({ ...old, error })));
        return () => aborter.abort();
    }, [key]);

    useEffect(load, [load]);
    useEffect(() => {
        let timer = null;
        /* Many events at once are one reason to read again. */
        const soon = () => {
            timer ??= setTimeout(() => {
                timer = null;
                load();
            }, 300);
        };
        const stops = ["fresh", ...refreshOn].map((kind) => on(kind, soon));
        return () => {
            clearTimeout(timer);
            for (const stop of stops) stop();
        };
    }, [load, refreshOn.join()]);

    const change = (patch) => setState((old) => (old.data ? { ...old, data: patch(old.data) } : old));
    return { ...state, isOld: state.key !== key, reload: load, change };
}

/**
 * Runs a query (null: none), and anew when it changes; the one before it is cancelled. What was there stays until the new one
 * is done. Gives {query, running, error, cancel, again}.
 */
export function useQuery(body) {
    const [state, setState] = useState({ query: null, running: null, error: null });
    const [round, setRound] = useState(0);
    const aborter = useRef();
    const key = body && JSON.stringify(body);

    useEffect(() => {
        if (!key) {
            setState({ query: null, running: null, error: null });
            return undefined;
        }
        const mine = new AbortController();
        aborter.current = mine;
        setState((old) => ({ ...old, running: { progress: null }, error: null }));
        runQuery(JSON.parse(key), {
            signal: mine.signal,
            onProgress: (running) => setState((old) => ({ ...old, running })),
        })
            .then((query) => setState({ query, running: null, error: null, key }))
            .catch((error) => error.name !== "AbortError" && setState((old) => ({ ...old, running: null, error })));
        return () => mine.abort();
    }, [key, round]);

    const cancel = () => {
        aborter.current?.abort();
        setState((old) => ({ ...old, running: null }));
    };
    return { ...state, cancel, again: () => setRound(round + 1) };
}

/** Calls back every so often while the component is there. */
export function useTick(ms) {
    const [tick, setTick] = useState(0);
    useEffect(() => {
        const timer = setInterval(() => setTick((old) => old + 1), ms);
        return () => clearInterval(timer);
    }, [ms]);
    return tick;
}
