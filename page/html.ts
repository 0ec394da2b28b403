/**
 * Elements, written as HTML.
 *
 * @module
 */

import htm from "htm";
import { h, type VNode } from "preact";

type Template = (strings: TemplateStringsArray, ...values: unknown[]) => VNode;

// Its types are those of a CommonJS module, which it is not.
const { bind } = htm as unknown as { bind: (this: unknown, create: typeof h) => Template };

/** Makes an element from a template. */
export const html: Template = bind.call(htm, h);

/** What was typed into the input of an event. */
export function typed(event: Event): string {
  return (event.target as HTMLInputElement).value;
}
