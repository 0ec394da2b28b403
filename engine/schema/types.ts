/**
 * The public types: from the literal of a schema to the rows, inserts, changes
 * and conditions of its table. Nothing here exists at run time.
 *
 * What holds the checking time down, and the messages short, and must stay so:
 *
 * 1. Names are chosen by remapping keys, `keyof { [K in keyof S as …]: 1 }`;
 *    `{ … }[keyof S]` would make `PsBase<S>` unassignable to `Base<S>`.
 * 2. {@linkcode RowMeta} is an alias: a row of an interface does not fit code
 *    that takes any object with an index signature.
 * 3. Conditions distribute over the field type, so that a table opened without
 *    a schema gets a loose condition for free.
 * 4. What a message of the compiler shows is names, not the schema, where they
 *    come out of a conditional type. {@linkcode FieldName} is none: generic code
 *    could not give it a `keyof S`.
 *
 * @module
 */

/** A JSON value. */
export type JsonValue =
  | string
  | number
  | boolean
  | null
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The value in a row for each field type. */
export interface FieldValues {
  /** Text. */
  string: string;
  /** A whole number within ±(2^53 - 1). */
  integer: number;
  /** Any number, `-0`, `NaN` and the infinities included. */
  float: number;
  /** `true` or `false`. */
  boolean: boolean;
  /** A whole number of 64 bits. */
  bigint: bigint;
  /** A day; read from a table it is frozen, as are `time` and `datetime`. */
  date: Temporal.PlainDate;
  /** A time of day, to the nanosecond. */
  time: Temporal.PlainTime;
  /** A day and a time of day, of no time zone. */
  datetime: Temporal.PlainDateTime;
  /** An instant, to the millisecond: a finer `Temporal.Instant` is refused. */
  timestamp: Date;
  /** Bytes. */
  bytes: Uint8Array;
  /** Any JSON value; its `null` is the null of the table. */
  json: JsonValue;
}

/** The names of the field types. */
export type TypeName = keyof FieldValues;

/** A json field whose values have a shape known to the compiler; made by `json<T>()`. */
export interface Json<T> {
  /** Tells it from the name of a type. */
  readonly json: true;
  /** Only a type: the shape. */
  readonly __shape__?: T;
}

/** A field that leads to a row of another table, or of its own; made by `link()`. */
export interface Link<T extends Schema | "self"> {
  /** The path of the other table, or `"self"`. */
  readonly link: string;
  /** Only a type: the schema of the other table. */
  readonly __target__?: T;
}

/** What the type of a field may be. */
export type FieldType = TypeName | Json<unknown> | Link<Schema> | Link<"self">;

/** What may be written for a type: an instant also as a `Temporal.Instant`. */
export type Writable<T extends TypeName> = T extends "timestamp" ? Date | Temporal.Instant
  : FieldValues[T];

/** What every field may say of itself. */
export interface FieldOptions {
  /**
   * Never null.
   *
   * @default {false}
   */
  readonly required?: boolean;
  /**
   * Kept in order, so that equality and ranges find their rows without a scan.
   *
   * @default {false}
   */
  readonly index?: boolean;
  /**
   * No value twice, in whichever process; null may repeat. Has an index.
   *
   * @default {false}
   */
  readonly unique?: boolean;
}

/** What a field without an order, which can have no index, may say of itself. */
export interface UnorderedOptions extends FieldOptions {
  /** Not possible. */
  readonly index?: false;
  /** Not possible. */
  readonly unique?: false;
}

/** A field with options. */
export type FieldSpec =
  | {
    [T in Exclude<TypeName, "json">]:
      & FieldOptions
      & { readonly type: T; readonly default?: Writable<T> | null };
  }[Exclude<TypeName, "json">]
  | (UnorderedOptions & { readonly type: "json" | Json<unknown>; readonly default?: JsonValue })
  | (FieldOptions & { readonly type: Link<Schema> | Link<"self">; readonly default?: null });

/** A field: its type, or its type and options. */
export type Field = FieldType | FieldSpec;

/** A schema: field names and fields, in field order. */
export interface Schema {
  /** A name is a letter, then letters with their marks, digits and `_`, in Unicode form NFC. */
  readonly [name: string]: Field;
}

/**
 * Refuses reserved names to the compiler. It is the same for every schema, so
 * that the statics of `PsBase` stay compatible with those of `Base`.
 */
export interface NoReservedNames {
  /** Names that begin with `_` are reserved. */
  readonly [reserved: `_${string}`]: "names that begin with _ are reserved";
}

/** What every row has besides its fields. */
export type RowMeta<S extends Schema> = {
  /** The row's id: 0, 1, 2 …, never used again. */
  readonly __id__: number;
  /** 0 at first, one more after each write of the row. */
  readonly __version__: number;
  /** Only a type: keeps the rows of different tables apart. */
  readonly __schema__?: S;
};

/** The type of a field, without its options. */
export type TypeOf<F> = F extends { readonly type: infer T } ? T : F;

/** What a field holds, null left aside. */
export type ValueOf<S extends Schema, F> = PlainValue<S, TypeOf<F>>;

/** What a field type holds, null left aside. */
export type PlainValue<S extends Schema, T> = T extends "json" ? NonNullable<JsonValue>
  : T extends TypeName ? FieldValues[T]
  : T extends Link<infer L> ? Row<L extends Schema ? L : S>
  : T extends Json<infer J> ? J
  : never;

/** `null`, if the field may be null; a link always may: the row that it leads to may be gone. */
export type Nullable<F> = F extends { readonly required: true }
  ? TypeOf<F> extends Link<infer _> ? null : never
  : null;

/** What may be written to a field; to a link a row or its id. */
export type Written<S extends Schema, F> =
  | (TypeOf<F> extends infer T ? T extends "timestamp" ? Writable<T>
    : T extends Link<infer L> ? number | RowMeta<L extends Schema ? L : S>
    : PlainValue<S, T>
    : never)
  | (F extends { readonly required: true } ? never : null);

/** A row: a plain object, a copy of what the table holds. */
export type Row<S extends Schema> =
  & RowMeta<S>
  & { readonly [K in keyof S]: ValueOf<S, S[K]> | Nullable<S[K]> };

/** A change that was committed, as `watch` yields it. */
export type Change<S extends Schema = Schema> =
  & {
    /** Its commit's place in the order of all commits; the same for all changes of a commit. */
    readonly sequence: number;
    /**
     * Its place in the commit, from 0: counts all changes of the commit, also those that `where`
     * leaves out, so that it is the same for every watcher.
     */
    readonly index: number;
    /** Whether this watcher gets no further change of the commit. */
    readonly last: boolean;
  }
  & (
    | { readonly kind: "insert"; readonly id: number; readonly row: Row<S>; readonly before: null }
    | {
      readonly kind: "update";
      readonly id: number;
      readonly row: Row<S>;
      readonly before: Row<S>;
    }
    | { readonly kind: "delete"; readonly id: number; readonly row: null; readonly before: Row<S> }
    | { readonly kind: "schema"; readonly id: null; readonly row: null; readonly before: null }
  );

/** The names of the fields. */
export type FieldName<S extends Schema> = keyof S & string;

/** The names of the fields that `insert` cannot do without. */
export type NeededName<S extends Schema> = keyof {
  [
    K in keyof S as S[K] extends { readonly required: true }
      ? S[K] extends { readonly default: unknown } ? never : K
      : never
  ]: 1;
};

/**
 * What an object that leaves out a property of this name has there for the compiler: a field
 * may be called `constructor`.
 */
export type Inherited<K> = K extends keyof typeof Object.prototype ? (typeof Object.prototype)[K]
  : never;

/** What `insert` takes. Left out or `undefined`: the default. */
export type Insert<S extends Schema> =
  & { readonly [K in NeededName<S>]: Written<S, S[K]> }
  & {
    readonly [K in Exclude<keyof S, NeededName<S>>]?: Written<S, S[K]> | Inherited<K> | undefined;
  };

/** What `insertAsStrings` takes. Left out or `undefined`: the default. */
export type InsertStrings<S extends Schema> =
  & { readonly [K in NeededName<S>]: string }
  & {
    readonly [K in Exclude<keyof S, NeededName<S>>]?:
      | string
      | (S[K] extends { readonly required: true } ? never : null)
      | Inherited<K>
      | undefined;
  };

/** What `update` takes. Left out or `undefined`: as it was. */
export type Update<S extends Schema> = {
  readonly [K in keyof S]?: Written<S, S[K]> | Inherited<K> | undefined;
};

/** Another field of the same row, to compare with; made by `field()`. */
export interface FieldRef<N extends string> {
  /** The name of the field. */
  readonly field: N;
}

/** The names of the fields of some types. */
export type NameOfType<S extends Schema, T> = string extends keyof S ? string
  : keyof { [K in keyof S as TypeOf<S[K]> extends T ? K : never]: 1 } & string;

/** The names of the fields that values of a type can be compared with. */
export type ComparableName<S extends Schema, T> = T extends "integer" | "float"
  ? NameOfType<S, "integer" | "float">
  : NameOfType<S, T>;

/** What is said of a condition as a whole. */
export interface LogicOps<C> {
  /** It does not hold; null counts as a value. */
  readonly not?: C;
  /** One of these holds. */
  readonly or?: readonly C[];
}

/** Conditions of fields that are equal or not; null counts as a value. `F`: other fields. */
export interface EqualityOps<V, F = never> {
  /** Equal; says of an object that it is a value. */
  readonly eq?: V | F | null;
  /** Not equal. */
  readonly ne?: V | F | null;
  /** Equal to one of these. */
  readonly in?: readonly (V | null)[];
  /** Equal to none of these. */
  readonly notIn?: readonly (V | null)[];
}

/** Conditions of fields with an order; null never matches these. `F`: other fields. */
export interface OrderOps<V, F = never> extends EqualityOps<V, F> {
  /** Greater. */
  readonly gt?: V | F;
  /** Greater or equal. */
  readonly gte?: V | F;
  /** Less. */
  readonly lt?: V | F;
  /** Less or equal. */
  readonly lte?: V | F;
  /** From the first to the second, both included. */
  readonly between?: readonly [V, V];
}

/** Conditions of text; null never matches these, case matters. */
export interface TextOps<F = never> extends OrderOps<string, F> {
  /** Has this in it. */
  readonly contains?: string;
  /** Begins with this. */
  readonly startsWith?: string;
  /** Ends with this. */
  readonly endsWith?: string;
}

/** A condition of a field with ranges: a value, `[from, to]` both included, or operators. */
export type OrderCondition<V, F = never> =
  | V
  | F
  | null
  | readonly [V, V]
  | (OrderOps<V, F> & LogicOps<OrderCondition<V, F>>);

/** A condition of text: a text, a pattern, or operators. */
export type TextCondition<F = never> =
  | string
  | F
  | null
  | RegExp
  | (TextOps<F> & LogicOps<TextCondition<F>>);

/** A condition of bytes: bytes, or operators. */
export type BytesCondition<F = never> =
  | Uint8Array
  | F
  | null
  | (OrderOps<Uint8Array, F> & LogicOps<BytesCondition<F>>);

/** A condition of what has no ranges: a value, or operators. */
export type EqualityCondition<V, F = never> =
  | V
  | F
  | null
  | (EqualityOps<V, F> & LogicOps<EqualityCondition<V, F>>);

/** A condition of json, whose objects are values only behind an operator. */
export type JsonCondition<V> = null | (EqualityOps<V> & LogicOps<JsonCondition<V>>);

/** A condition of one field, by its type. */
export type Condition<S extends Schema, T> = T extends "string"
  ? TextCondition<FieldRef<ComparableName<S, T>>>
  : T extends "boolean" ? EqualityCondition<boolean, FieldRef<ComparableName<S, T>>>
  : T extends "bytes" ? BytesCondition<FieldRef<ComparableName<S, T>>>
  : T extends "json" ? JsonCondition<NonNullable<JsonValue>>
  : T extends Json<infer J> ? JsonCondition<J>
  : T extends Link<infer L>
    ? EqualityCondition<number | RowMeta<L extends Schema ? L : S>, FieldRef<ComparableName<S, T>>>
  : T extends TypeName ? OrderCondition<FieldValues[T], FieldRef<ComparableName<S, T>>>
  : never;

/** Conditions by field, joined by "and". */
export type Where<S extends Schema> =
  & { readonly [K in keyof S]?: Condition<S, TypeOf<S[K]>> | Inherited<K> }
  & {
    /** Of the row's id. */
    readonly __id__?: OrderCondition<number>;
    /** Of the row's version. */
    readonly __version__?: OrderCondition<number>;
    /** All of these hold as a whole. */
    readonly _and?: readonly Filter<S>[];
    /** One of these holds as a whole. */
    readonly _or?: readonly Filter<S>[];
    /** This does not hold as a whole. */
    readonly _not?: Filter<S>;
  };

/** A condition in TypeScript. The row it gets is valid during the call only. */
export type PredicateFunction<S extends Schema> = (row: Row<S>) => boolean;

/**
 * What selects rows. Text is refused even where a field has the name of a
 * method of String: an iterable is no condition.
 */
export type Filter<S extends Schema> =
  | (Where<S> & { readonly [Symbol.iterator]?: never })
  | PredicateFunction<S>;

/** The names of the fields that have an order: all but json. */
export type SortableName<S extends Schema> = string extends keyof S ? string
  : keyof { [K in keyof S as TypeOf<S[K]> extends "json" | Json<unknown> ? never : K]: 1 } & string;

/** A name to order by: ascending with `+` or no sign, descending with `-`. */
export type OrderTerm<N extends string> = `${"" | "+" | "-"}${N | "__id__" | "__version__"}`;

/** Options of `select`. */
export interface SelectOptions<S extends Schema, K extends FieldName<S> = FieldName<S>> {
  /** The fields wanted; all, if left out. */
  readonly fields?: readonly K[] | undefined;
  /**
   * What to order by, the most important first; ties by id.
   *
   * @default {"__id__"}
   */
  readonly orderBy?:
    | OrderTerm<SortableName<S>>
    | readonly OrderTerm<SortableName<S>>[]
    | undefined;
  /**
   * At most so many rows.
   *
   * @default {Infinity}
   */
  readonly limit?: number | undefined;
  /**
   * Leave out so many at the beginning.
   *
   * @default {0}
   */
  readonly offset?: number | undefined;
}

/** A row with some of its fields only. */
export type Projected<S extends Schema, K extends keyof S> =
  & RowMeta<S>
  & { readonly [P in K]: ValueOf<S, S[P]> | Nullable<S[P]> };

/** The names of the fields that hold numbers. */
export type NumericName<S extends Schema> = NameOfType<S, "integer" | "float" | "bigint">;

/** The types that `setType` can make of one another. */
export type ConvertibleType = Exclude<TypeName, "bytes" | "json">;

/** The names of the fields whose type can be changed. */
export type ConvertibleName<S extends Schema> = NameOfType<S, ConvertibleType>;

/** What `sum` gives: a bigint for bigints. */
export type SumOf<S extends Schema, K extends keyof S> = TypeOf<S[K]> extends infer T
  ? T extends "bigint" ? bigint : number
  : never;

/** One figure of `groupBy`. */
export type Aggregate<S extends Schema> =
  | "count"
  | readonly ["sum" | "avg", NumericName<S>]
  | readonly ["min" | "max", SortableName<S>];

/** What an aggregate gives. */
export type AggregateValue<S extends Schema, A> = A extends "count" ? number
  : A extends readonly ["sum", infer K extends keyof S] ? SumOf<S, K>
  : A extends readonly ["avg", string] ? number | null
  : A extends readonly ["min" | "max", infer K extends keyof S] ? ValueOf<S, S[K]> | null
  : never;

/** Names of figures that are possible: not that of the key, and not reserved. */
export type FigureNames<K extends string> = NoReservedNames & { readonly [P in K]?: never };

/** One group of `groupBy`: the value that its rows share, and figures by name. */
export type Grouped<S extends Schema, K extends keyof S, A> =
  & { readonly [P in K]: ValueOf<S, S[P]> | Nullable<S[P]> }
  & { readonly [N in keyof A]: AggregateValue<S, A[N]> };

/** The names of the unique fields. */
export type UniqueName<S extends Schema> =
  & keyof {
    [
      K in keyof S as string extends K ? K : S[K] extends { readonly unique: true } ? K : never
    ]: 1;
  }
  & string;

/** The value of one unique field. */
export type UniqueKey<S extends Schema, K extends keyof S> =
  & Single<K>
  & { readonly [P in K]: Exclude<Written<S, S[P]>, null> };

/** Nothing more, where `K` is one name; impossible where it is none or several. */
export type Single<K, All = K> = [K] extends [never] ? "exactly one unique field"
  : K extends K ? [All] extends [K] ? unknown : "exactly one unique field"
  : never;

/** A schema with a field more. */
export type WithField<S extends Schema, N extends string, F extends Field> = {
  readonly [K in keyof S | N]: K extends N ? F : K extends keyof S ? S[K] : never;
};

/** A schema with a field less. */
export type WithoutField<S extends Schema, N extends keyof S> = {
  readonly [K in Exclude<keyof S, N>]: S[K];
};

/** A schema in which a field has another name. */
export type WithRenamed<S extends Schema, N extends keyof S, M extends string> = {
  readonly [K in keyof S as K extends N ? M : K]: S[K];
};

/** What may become the default of a field; of a link nothing, its row could be gone. */
export type Default<S extends Schema, F> = TypeOf<F> extends Link<infer _> ? null : Written<S, F>;

/** A schema in which a field has a default, whichever, so that `insert` can do without it. */
export type WithDefault<S extends Schema, N extends keyof S> = WithOptions<
  S,
  N,
  { readonly default: null }
>;

/** A schema in which a field has another type; its default is converted as its values are. */
export type WithType<S extends Schema, N extends keyof S, T extends ConvertibleType> = WithOptions<
  S,
  N,
  & { readonly type: T }
  & (S[N] extends { readonly default: unknown } ? { readonly default: null } : unknown)
>;

/** A schema in which a field has other options. */
export type WithOptions<S extends Schema, N extends keyof S, O> = {
  readonly [K in keyof S]: K extends N ? Respecified<S[K], O> : S[K];
};

/** A field with other options. */
export type Respecified<F, O> = Extract<
  & {
    readonly [P in Exclude<F extends FieldSpec ? keyof F : "type", keyof O>]: P extends keyof F
      ? F[P]
      : F;
  }
  & O,
  Field
>;

/** Forbids the keys that are not among the allowed ones. */
export type NoExtra<C, Allowed> = { readonly [K in Exclude<keyof C, keyof Allowed>]: never };

/** What the function given to `update` returns: changes, nothing else, no promise. */
export type Exactly<S extends Schema, C> = NotPromise<C> & Update<S> & NoExtra<C, Update<S>>;

/** The name of a new field: neither taken nor reserved. */
export type NewName<S extends Schema, N extends string> = N extends `_${string}`
  ? "names that begin with _ are reserved"
  : string extends keyof S ? N
  : N extends keyof S ? `"${N}" is a field already`
  : N;

/** Not a promise: what runs at one commit point cannot wait. */
export type NotPromise<T> = T extends PromiseLike<unknown>
  ? "an async function is not possible here"
  : T;
