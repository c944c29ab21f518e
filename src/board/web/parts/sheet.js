/* Dialogs: the browser's own, which keep the focus in and close by Escape. */
import { html, useEffect, useId, useRef } from "../html.js";
import { t } from "../i18n/index.js";
import { Icon } from "./icons.js";

function useModal(onClose) {
    const dialog = useRef();
    useEffect(() => {
        dialog.current.showModal();
        return () => dialog.current?.close();
    }, []);
    const closeOutside = (event) => {
        if (event.target === dialog.current) onClose();
    };
    const onCancel = (event) => {
        event.preventDefault();
        onClose();
    };
    return { ref: dialog, onCancel, onClick: closeOutside };
}

/** A panel at the side for one thing's details. */
export function Sheet({ title, note, onClose, children }) {
    const name = useId();
    return html`<dialog class="sheet" aria-labelledby=${name} ...${useModal(onClose)}>
        <div class="sheet-body"><header><div><h2 id=${name}>${title}</h2>${note && html`<p>${note}</p>`}</div>
            <button type="button" class="button is-bare" onClick=${onClose} aria-label=${t("action.close")}><${Icon} name="close" /></button></header>
        ${children}</div></dialog>`;
}

/** A box in the middle. */
export function Dialog({ title, onClose, children, actions }) {
    const name = useId();
    return html`<dialog class="dialog" aria-labelledby=${name} ...${useModal(onClose)}>
        <div><h2 id=${name}>${title}</h2>${children}<footer>${actions}</footer></div></dialog>`;
}

/** Asks before something that cannot be taken back. */
export function Confirm({ title, text, action, danger, onConfirm, onClose }) {
    return html`<${Dialog} title=${title} onClose=${onClose} actions=${html`
        <button type="button" class="button" onClick=${onClose}>${t("action.cancel")}</button>
        <button type="button" class=${danger ? "button is-danger" : "button is-main"} onClick=${onConfirm}>${action}</button>`}><p>${text}</p></${Dialog}>`;
}
