/* Preact's parts under one name, and htm's tagged templates in place of JSX: values reach the DOM as text only. */
import htm from "htm";
import { h } from "preact";

export { batch, computed, effect, signal } from "@preact/signals";
export { Component, createRef, render } from "preact";
export { useCallback, useEffect, useId, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";

export const html = htm.bind(h);

/** Joins the class names that are not false. */
export const classes = (...names) => names.filter(Boolean).join(" ");
