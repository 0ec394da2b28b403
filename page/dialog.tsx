/** @jsxImportSource preact */
/**
 * Dialogs: modal, closed by Esc, and the focus goes back where it was.
 *
 * @module
 */

import type { ComponentChildren, JSX } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";

/** A dialog. */
export function Dialog(
  { title, onClose, wide, children }: {
    title: string;
    onClose: () => void;
    wide?: boolean;
    children: ComponentChildren;
  },
): JSX.Element {
  const ref = useRef<HTMLDialogElement>(null);
  // Before anything in the dialog gets the focus.
  const [before] = useState(() => document.activeElement as HTMLElement | null);
  useLayoutEffect(() => {
    const dialog = ref.current!;
    // It gives the focus to what has the attribute `autofocus`.
    dialog.showModal();
    return () => {
      // While it is open, nothing else can have the focus.
      dialog.close();
      before?.focus();
    };
  }, []);
  return (
    <dialog
      ref={ref}
      class={wide ? "wide" : ""}
      aria-label={title}
      onCancel={(event) => {
        event.preventDefault();
        onClose();
      }}
      onKeyDown={(event) => event.stopPropagation()}
    >
      <header>
        <h2>{title}</h2>
        <button type="button" class="plain" aria-label="Close" onClick={onClose}>×</button>
      </header>
      {children}
    </dialog>
  );
}

/** A message about what went wrong. */
export function Alert({ children }: { children: ComponentChildren }): JSX.Element {
  return <p class="alert" role="alert">{children}</p>;
}

/** Copies a text, and says so. */
export function Copy({ text, label }: { text: string; label: string }): JSX.Element {
  const ref = useRef<HTMLButtonElement>(null);
  const copy = async () => {
    await navigator.clipboard.writeText(text);
    const button = ref.current!;
    button.textContent = "copied";
    setTimeout(() => button.textContent = "copy", 1200);
  };
  return (
    <button ref={ref} type="button" class="plain" aria-label={label} onClick={copy}>copy</button>
  );
}
