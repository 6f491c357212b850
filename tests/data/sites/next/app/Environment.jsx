"use client";

import { useSyncExternalStore } from "react";

const never = () => () => {};

/** Where the page runs, known only in the browser: the prerendered page says "none". */
export default function Environment() {
  const name = useSyncExternalStore(
    never,
    () => window.__EASEL__?.environment ?? "none",
    () => "none",
  );
  return <span id="environment">{name}</span>;
}
