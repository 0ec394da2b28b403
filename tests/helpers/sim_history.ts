/**
 * What simulated processes did, and whether there is an order of it in which each of them was
 * told the truth.
 *
 * The order keeps to what was over before something else began. What was cut short may have been
 * done, or not. A power cut, and a sync that fails, may take back the newest commits, but none
 * that was acknowledged as durable, nor any before it.
 *
 * @module
 */

/** The table as it must be; `undefined` where there is none. */
export type Model = {
  /** What tells it from others that were at the same place. */
  readonly base: string;
  /** Names of the fields that were added. */
  readonly fields: readonly string[];
  /** Id, version, count and tag of each row. */
  readonly rows: readonly (readonly [id: number, version: number, n: number, tag: string])[];
  /** The id of the next row. */
  readonly nextId: number;
} | undefined;

/** What a verb makes of a table, and what it gives. */
export type Act = (before: Model) => readonly [after: Model, result: unknown];

/** What `create` is told to do where a table is. */
export type Mode = "open" | "new" | "override";

/** Makes a table that is told from others by `base`, or does with one that is there as `mode` says. */
export function creating(base: string, mode: Mode): Act {
  return (model) => {
    if (model === undefined || mode === "override") {
      return [{ base, fields: [], rows: [], nextId: 0 }, base];
    }
    return [model, mode === "open" ? model.base : "exists"];
  };
}

/** Something that a process did. */
export interface Event {
  /** Who did what. */
  readonly name: string;
  /** What it does; none of what takes commits back. */
  readonly act: Act | undefined;
  /** When it began, in operations of all processes. */
  readonly start: number;
  /** When it was over. */
  end: number;
  /** Whether it was cut short, or its outcome is not known. */
  open: boolean;
  /** What it gave, if it was not cut short. */
  result?: string;
  /** Whether all up to it is on disk: never, if it changed something, always. */
  durable: "never" | "changed" | "always";
}

/** What happened, as it goes on. */
export class History {
  /** All operations, in order. */
  readonly trace: string[] = [];
  /** What the processes did, and what they were told. */
  readonly events: Event[] = [];
  /** What is wrong, in words. */
  readonly faults: string[] = [];
  /** What each process is at. */
  readonly #current = new Map<string, Event>();

  /** The time, in operations. */
  get now(): number {
    return this.trace.length;
  }

  /** A process begins something. */
  begin(who: string, what: string, act: Act, durable: Event["durable"]): void {
    const name = `${who} ${what}`;
    const event = { name, act, start: this.now, end: Infinity, open: true, durable };
    this.events.push(event);
    this.#current.set(who, event);
  }

  /** It was told this. */
  end(who: string, result: unknown): void {
    const event = this.cutShort(who)!;
    Object.assign(event, { open: false, result: JSON.stringify(result) ?? "" });
    // A refused call promises nothing: the destroy that it met may not be on disk.
    if (result === "gone") event.durable = "never";
  }

  /** It may have been done, and goes on no more. */
  cutShort(who: string): Event | undefined {
    const event = this.#current.get(who);
    if (event !== undefined) event.end = this.now;
    this.#current.delete(who);
    return event;
  }

  /** It was not done. */
  undo(who: string): void {
    this.events.splice(this.events.indexOf(this.cutShort(who)!), 1);
  }

  /** Something was done at one moment. */
  add(what: string, act?: Act, result?: unknown, durable: Event["durable"] = "never"): void {
    const start = this.now;
    this.trace.push(what);
    this.events.push({
      name: what,
      act,
      start,
      end: start + 1,
      open: false,
      result: JSON.stringify(result) ?? "",
      durable,
    });
  }

  /** The same up to now, to go on otherwise. */
  fork(): History {
    const fork = new History();
    fork.trace.push(...this.trace);
    for (const event of this.events) {
      fork.events.push({ ...event, end: Math.min(event.end, this.now) });
    }
    return fork;
  }
}

/** States and where they stand, so that they can be compared by a number. */
class States {
  readonly #numbers = new Map<string, number>();
  readonly #models: Model[] = [];
  readonly #steps = new Map<Act, Map<number, readonly [after: number, result: string]>>();

  number(model: Model): number {
    const text = JSON.stringify(model) ?? "";
    let number = this.#numbers.get(text);
    if (number === undefined) {
      this.#numbers.set(text, number = this.#models.length);
      this.#models.push(model);
    }
    return number;
  }

  step(act: Act, before: number): readonly [after: number, result: string] {
    let known = this.#steps.get(act);
    if (known === undefined) this.#steps.set(act, known = new Map());
    let step = known.get(before);
    if (step === undefined) {
      const [after, result] = act(this.#models[before]);
      known.set(before, step = [this.number(after), JSON.stringify(result) ?? ""]);
    }
    return step;
  }
}

/** The first event that no order explains; `undefined` if there is an order of all of them. */
export function unexplained(events: readonly Event[], first: Model): string | undefined {
  const states = new States();
  const byStart = events.toSorted((a, b) => a.start - b.start);
  const seen = new Set<string>();
  const done = new Set<Event>();
  let most = -1;
  let stuck = "";

  /** `states` since the last durable one, of which a loss may leave any; the last is that of now. */
  const goOn = (since: readonly number[]): boolean => {
    const left = byStart.filter((event) => !done.has(event));
    if (left.every(({ open }) => open)) return true;
    const key = `${left.map((event) => byStart.indexOf(event))}/${since}`;
    if (seen.has(key)) return false;
    seen.add(key);
    const now = since.at(-1)!;
    const begun = Math.max(-1, ...Array.from(done, ({ start }) => start));
    // What was over before another began comes before it, or, cut short, not at all.
    const candidates = left.filter((event) =>
      event.end > begun &&
      left.every((other) => other === event || other.open || other.end > event.start)
    );
    for (const event of candidates) {
      const after: number[][] = [];
      if (event.act === undefined) {
        for (let i = since.length; i > 0; i--) after.push(since.slice(0, i));
      } else {
        const [next, result] = states.step(event.act, now);
        if (event.open || result === event.result) {
          const durable = !event.open && event.durable === (next === now ? "always" : "changed");
          after.push(durable ? [next] : next === now ? [...since] : [...since, next]);
        }
      }
      if (after.length === 0) continue;
      done.add(event);
      for (const one of after) if (goOn(one)) return true;
      done.delete(event);
    }
    if (done.size > most) {
      most = done.size;
      stuck = candidates.filter(({ open }) => !open).map((event) => {
        const expected = event.act && states.step(event.act, now)[1];
        return `${event.name} gave ${event.result}, expected ${expected}`;
      }).join("\n  or ");
    }
    return false;
  };

  return goOn([states.number(first)]) ? undefined : stuck;
}
