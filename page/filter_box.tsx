/** @jsxImportSource preact */
/**
 * The filter box, with completion of fields and values, and a chip for each condition.
 *
 * @module
 */

import type { JSX } from "preact";
import { useEffect, useRef, useState } from "preact/hooks";
import type { Field } from "./types.ts";
import { Alert } from "./dialog.tsx";
import { conditionsOf, wordOf, wordsOf } from "./filter.ts";
import { valuesLike } from "./rows.ts";
import type { Condition, View } from "./view.ts";

/** A value as the box takes it. */
function quoted(value: string): string {
  return /[\s,"']|\.\.|^$|^null$/.test(value) ? `"${value.replaceAll('"', '""')}"` : value;
}

/** The box. */
export function FilterBox(
  { view, fields, onConditions }: {
    view: View;
    fields: readonly Field[];
    onConditions: (conditions: Condition[]) => void;
  },
): JSX.Element {
  const [text, setText] = useState("");
  const [error, setError] = useState("");
  const [choices, setChoices] = useState<string[]>([]);
  const [chosen, setChosen] = useState(-1);
  const input = useRef<HTMLInputElement>(null);

  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const { tagName } = event.target as HTMLElement;
      if (event.key !== "/" || /^(?:INPUT|TEXTAREA|DIALOG)$/.test(tagName)) return;
      event.preventDefault();
      input.current!.focus();
    };
    document.addEventListener("keydown", focus);
    return () => document.removeEventListener("keydown", focus);
  }, []);

  /** The word at the end, which is completed. */
  const word = /\S*$/.exec(text)![0];
  useEffect(() => {
    setChosen(-1);
    const [, name, start] = /^(\w+)(?:=|!=)"?([^"]*)$/.exec(word) ?? [];
    const field = fields.find((one) => one.name === name);
    if (field === undefined) {
      const names = fields.map((one) => one.name).filter((one) => one.startsWith(word));
      return setChoices(word === "" || names[0] === word ? [] : names);
    }
    if (field.type !== "string" && field.type !== "boolean") return setChoices([]);
    const controller = new AbortController();
    valuesLike(view, field.name, field.type === "string" ? start! : "", controller.signal).then(
      (values) => setChoices(values.map((value) => `${field.name}=${quoted(value)}`)),
      () => setChoices([]),
    );
    return () => controller.abort();
  }, [word]);

  const complete = (choice: string) => {
    const isField = fields.some(({ name }) => name === choice);
    setText(text.slice(0, text.length - word.length) + choice + (isField ? "=" : " "));
    setChoices([]);
    input.current!.focus();
  };
  const apply = () => {
    try {
      const found = wordsOf(text).flatMap((one) => conditionsOf(one, fields));
      if (found.length === 0) return;
      setError("");
      setText("");
      onConditions([...view.conditions, ...found]);
    } catch (error) {
      setError((error as Error).message);
    }
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const { key } = event;
    const step = key === "ArrowDown" ? 1 : key === "ArrowUp" ? -1 : 0;
    if (step !== 0 && choices.length > 0) {
      setChosen((chosen + step + choices.length + 1) % (choices.length + 1));
    } else if (key === "Tab" && choices.length > 0 && !event.shiftKey) {
      complete(choices[Math.max(0, chosen) % choices.length]!);
    } else if (key === "Enter" && chosen >= 0 && chosen < choices.length) {
      complete(choices[chosen]!);
    } else if (key === "Enter") apply();
    else if (key === "Escape" && choices.length > 0) setChoices([]);
    else if (key === "Escape") document.querySelector<HTMLElement>(".grid")?.focus();
    else if (key === "Backspace" && text === "" && view.conditions.length > 0) {
      onConditions(view.conditions.slice(0, -1));
    } else return;
    event.preventDefault();
  };

  return (
    <div class="filter">
      {view.conditions.map((condition, i) => (
        <span class="chip" key={`${condition.name} ${condition.value}`}>
          {wordOf(condition)}
          <button
            type="button"
            class="plain"
            aria-label={`Take away ${wordOf(condition)}`}
            onClick={() =>
              onConditions(view.conditions.filter((_, k) =>
                k !== i
              ))}
          >
            ×
          </button>
        </span>
      ))}
      <span class="box">
        <input
          ref={input}
          type="text"
          role="combobox"
          aria-label="Filter"
          aria-expanded={choices.length > 0}
          aria-controls="choices"
          aria-activedescendant={chosen >= 0 ? `choice-${chosen}` : undefined}
          placeholder={`Filter, for example ${fields[0]?.name ?? "name"}=…   (key /)`}
          spellcheck={false}
          autocomplete="off"
          value={text}
          onInput={(event) => setText(event.currentTarget.value)}
          onKeyDown={onKeyDown}
        />
        {choices.length > 0 && (
          <ul id="choices" role="listbox">
            {choices.map((choice, i) => (
              <li
                key={choice}
                id={`choice-${i}`}
                role="option"
                aria-selected={i === chosen}
                onMouseDown={(event) => {
                  event.preventDefault();
                  complete(choice);
                }}
              >
                {choice}
              </li>
            ))}
          </ul>
        )}
      </span>
      {error !== "" && <Alert>{error}</Alert>}
    </div>
  );
}
