/**
 * The public types. They derive the rows, inserts, changes and conditions of a table from the
 * literal of its schema. Nothing here exists at run time.
 *
 * Four choices keep type checking fast and the compiler's messages short:
 *
 * 1. Names are chosen by remapping keys, `keyof { [K in keyof S as …]: 1 }`;
 *    `{ … }[keyof S]` would make `PsBase<S>` unassignable to `Base<S>`.
 * 2. {@linkcode RowMeta} is an alias: a row whose type is an interface does not fit code that takes
 *    an object with an index signature.
 * 3. Conditions distribute over the field type, so a table opened without a schema gets a loose
 *    condition for free.
 * 4. Names come out of conditional types, so the compiler's messages show names and not the schema.
 *    {@linkcode FieldName} is an exception: generic code could not pass it a `keyof S`.
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
  /** A day. Values from a table are frozen, also those of `time` and `datetime`. */
  date: Temporal.PlainDate;
  /** A time of day, to the nanosecond. */
  time: Temporal.PlainTime;
  /** A day and a time of day, without a time zone. */
  datetime: Temporal.PlainDateTime;
  /** An instant, to the millisecond. A finer `Temporal.Instant` is refused. */
  timestamp: Date;
  /** Bytes. */
  bytes: Uint8Array;
  /** Any JSON value; its `null` is the null of the table. */
  json: JsonValue;
}

/** The names of the field types. */
export type TypeName = keyof FieldValues;

/** A json field whose values have a type known to the compiler; made by `json<T>()`. */
export interface Json<T> {
  /** Distinguishes it from other field types. */
  readonly json: true;
  /** Never present; carries the type of the values. */
  readonly __shape__?: T;
}

/** A link to a row of another table or of the same table; made by `link()`. */
export interface Link<T extends Schema | "self"> {
  /** The path of the other table, or `"self"`. */
  readonly link: string;
  /** Never present; carries the schema of the other table. */
  readonly __target__?: T;
}

/** The types that a field can have. */
export type FieldType = TypeName | Json<unknown> | Link<Schema> | Link<"self">;

/** The values that can be written to a type: a timestamp also takes a `Temporal.Instant`. */
export type Writable<T extends TypeName> = T extends "timestamp" ? Date | Temporal.Instant
  : FieldValues[T];

/** Options of all fields. */
export interface FieldOptions {
  /**
   * Whether null is refused.
   *
   * @default {false}
   */
  readonly required?: boolean;
  /**
   * Whether the field has an index: equality and ranges then find their rows without a scan.
   *
   * @default {false}
   */
  readonly index?: boolean;
  /**
   * Whether a value may occur only once, whichever process writes it; null may repeat. Implies an
   * index.
   *
   * @default {false}
   */
  readonly unique?: boolean;
}

/** Options of fields without an order, which cannot have an index. */
export interface UnorderedOptions extends FieldOptions {
  /** Always `false`. */
  readonly index?: false;
  /** Always `false`. */
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

/** A field: its type, or its type with options. */
export type Field = FieldType | FieldSpec;

/** A schema: fields by name, in field order. */
export interface Schema {
  /** A name is a letter, then letters with their marks, digits and `_`, in Unicode form NFC. */
  readonly [name: string]: Field;
}

/**
 * Makes the compiler refuse reserved names. It is the same for every schema, which keeps the
 * statics of `PsBase` compatible with the statics of `Base`.
 */
export interface NoReservedNames {
  /** Names that begin with `_` are reserved. */
  readonly [reserved: `_${string}`]: "names that begin with _ are reserved";
}

/** The properties that every row has besides its fields. */
export type RowMeta<S extends Schema> = {
  /** The row's id: 0, 1, 2 …, never used again. */
  readonly __id__: number;
  /** 0 at first, one more after each update of the row. */
  readonly __version__: number;
  /** Never present; keeps the rows of different tables apart. */
  readonly __schema__?: S;
};

/** The type of a field, without its options. */
export type TypeOf<F> = F extends { readonly type: infer T } ? T : F;

/** The value of a field that is not null. */
export type ValueOf<S extends Schema, F> = PlainValue<S, TypeOf<F>>;

/** The value of a field type that is not null. */
export type PlainValue<S extends Schema, T> = T extends "json" ? NonNullable<JsonValue>
  : T extends TypeName ? FieldValues[T]
  : T extends Link<infer L> ? Row<L extends Schema ? L : S>
  : T extends Json<infer J> ? J
  : never;

/** `null` if a read may give null. A link always may, because its row can be deleted. */
export type Nullable<F> = F extends { readonly required: true }
  ? TypeOf<F> extends Link<infer _> ? null : never
  : null;

/** The values that can be written to a field; a link takes a row or its id. */
export type Written<S extends Schema, F> =
  | (TypeOf<F> extends infer T ? T extends "timestamp" ? Writable<T>
    : T extends Link<infer L> ? number | RowMeta<L extends Schema ? L : S>
    : PlainValue<S, T>
    : never)
  | (F extends { readonly required: true } ? never : null);

/** A row: a plain object, and a copy of the row in the table. */
export type Row<S extends Schema> =
  & RowMeta<S>
  & { readonly [K in keyof S]: ValueOf<S, S[K]> | Nullable<S[K]> };

/** A committed change, as `watch` yields it. */
export type Change<S extends Schema = Schema> =
  & {
    /** The number of its commit in the order of all commits. */
    readonly sequence: number;
    /**
     * Its position in the commit, from 0. It counts all changes of the commit, also those that
     * `where` leaves out, so it is the same for every watcher.
     */
    readonly index: number;
    /** Whether it is the last change of the commit that this watcher gets. */
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

/** The names of the fields that `insert` needs. */
export type NeededName<S extends Schema> = keyof {
  [
    K in keyof S as S[K] extends { readonly required: true }
      ? S[K] extends { readonly default: unknown } ? never : K
      : never
  ]: 1;
};

/**
 * The inherited property that the compiler sees where an object leaves out the field: a field may
 * be called `constructor`.
 */
export type Inherited<K> = K extends keyof typeof Object.prototype ? (typeof Object.prototype)[K]
  : never;

/** The values for `insert`. Left out or `undefined` means the default. */
export type Insert<S extends Schema> =
  & { readonly [K in NeededName<S>]: Written<S, S[K]> }
  & {
    readonly [K in Exclude<keyof S, NeededName<S>>]?: Written<S, S[K]> | Inherited<K> | undefined;
  };

/** The values for `insertAsStrings`. Left out or `undefined` means the default. */
export type InsertStrings<S extends Schema> =
  & { readonly [K in NeededName<S>]: string }
  & {
    readonly [K in Exclude<keyof S, NeededName<S>>]?:
      | string
      | (S[K] extends { readonly required: true } ? never : null)
      | Inherited<K>
      | undefined;
  };

/** The changes for `update`. Left out or `undefined` means no change. */
export type Update<S extends Schema> = {
  readonly [K in keyof S]?: Written<S, S[K]> | Inherited<K> | undefined;
};

/** A reference to another field of the same row, to compare with; made by `field()`. */
export interface FieldRef<N extends string> {
  /** The name of the field. */
  readonly field: N;
}

/** The names of the fields that have one of the types `T`. */
export type NameOfType<S extends Schema, T> = string extends keyof S ? string
  : keyof { [K in keyof S as TypeOf<S[K]> extends T ? K : never]: 1 } & string;

/** The names of the fields that a field of type `T` can be compared with. */
export type ComparableName<S extends Schema, T> = T extends "integer" | "float"
  ? NameOfType<S, "integer" | "float">
  : NameOfType<S, T>;

/** Operators that combine conditions. */
export interface LogicOps<C> {
  /** The condition does not hold; null counts as a value. */
  readonly not?: C;
  /** At least one of the conditions holds. */
  readonly or?: readonly C[];
}

/** Operators for equality; null counts as a value. `F` stands for references to other fields. */
export interface EqualityOps<V, F = never> {
  /** Equal. It also marks an object as a value instead of a condition. */
  readonly eq?: V | F | null;
  /** Not equal. */
  readonly ne?: V | F | null;
  /** Equal to one of these. */
  readonly in?: readonly (V | null)[];
  /** Equal to none of these. */
  readonly notIn?: readonly (V | null)[];
}

/** Operators for fields with an order; null never matches the ones added here. */
export interface OrderOps<V, F = never> extends EqualityOps<V, F> {
  /** Greater. */
  readonly gt?: V | F;
  /** Greater or equal. */
  readonly gte?: V | F;
  /** Less. */
  readonly lt?: V | F;
  /** Less or equal. */
  readonly lte?: V | F;
  /** From the first value to the second, both included. */
  readonly between?: readonly [V, V];
}

/** Operators for text; they are case-sensitive, and null never matches the ones added here. */
export interface TextOps<F = never> extends OrderOps<string, F> {
  /** Contains this text. */
  readonly contains?: string;
  /** Starts with this text. */
  readonly startsWith?: string;
  /** Ends with this text. */
  readonly endsWith?: string;
}

/** A condition on a field with ranges: a value, `[from, to]` with both included, or operators. */
export type OrderCondition<V, F = never> =
  | V
  | F
  | null
  | readonly [V, V]
  | (OrderOps<V, F> & LogicOps<OrderCondition<V, F>>);

/** A condition on text: a text, a pattern, or operators. */
export type TextCondition<F = never> =
  | string
  | F
  | null
  | RegExp
  | (TextOps<F> & LogicOps<TextCondition<F>>);

/** A condition on bytes: bytes, or operators. */
export type BytesCondition<F = never> =
  | Uint8Array
  | F
  | null
  | (OrderOps<Uint8Array, F> & LogicOps<BytesCondition<F>>);

/** A condition on a field without ranges: a value, or operators. */
export type EqualityCondition<V, F = never> =
  | V
  | F
  | null
  | (EqualityOps<V, F> & LogicOps<EqualityCondition<V, F>>);

/** A condition on json, where an object is a value only after an operator. */
export type JsonCondition<V> = null | (EqualityOps<V> & LogicOps<JsonCondition<V>>);

/** A condition on one field, by its type. */
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
    /** A condition on the row's id. */
    readonly __id__?: OrderCondition<number>;
    /** A condition on the row's version. */
    readonly __version__?: OrderCondition<number>;
    /** Each of the filters matches the row. */
    readonly _and?: readonly Filter<S>[];
    /** At least one of the filters matches the row. */
    readonly _or?: readonly Filter<S>[];
    /** The filter does not match the row. */
    readonly _not?: Filter<S>;
  };

/** A predicate function. The row that it gets is valid only during the call. */
export type PredicateFunction<S extends Schema> = (row: Row<S>) => boolean;

/**
 * A filter: conditions, or a predicate function. An iterable is not a filter; otherwise a string
 * would be one if a field had the name of a String method.
 */
export type Filter<S extends Schema> =
  | (Where<S> & { readonly [Symbol.iterator]?: never })
  | PredicateFunction<S>;

/** The names of the fields that have an order: all except json. */
export type SortableName<S extends Schema> = string extends keyof S ? string
  : keyof { [K in keyof S as TypeOf<S[K]> extends "json" | Json<unknown> ? never : K]: 1 } & string;

/** A name to order by: ascending without a sign or with `+`, descending with `-`. */
export type OrderTerm<N extends string> = `${"" | "+" | "-"}${N | "__id__" | "__version__"}`;

/** Options of `select`. */
export interface SelectOptions<S extends Schema, K extends FieldName<S> = FieldName<S>> {
  /** The fields of the result; all fields if left out. */
  readonly fields?: readonly K[] | undefined;
  /**
   * The order, most important name first; rows with equal values are ordered by id.
   *
   * @default {"__id__"}
   */
  readonly orderBy?:
    | OrderTerm<SortableName<S>>
    | readonly OrderTerm<SortableName<S>>[]
    | undefined;
  /**
   * The maximal number of rows.
   *
   * @default {Infinity}
   */
  readonly limit?: number | undefined;
  /**
   * The number of rows to skip at the beginning.
   *
   * @default {0}
   */
  readonly offset?: number | undefined;
}

/** A row with only some of its fields. */
export type Projected<S extends Schema, K extends keyof S> =
  & RowMeta<S>
  & { readonly [P in K]: ValueOf<S, S[P]> | Nullable<S[P]> };

/** The names of the fields that hold numbers. */
export type NumericName<S extends Schema> = NameOfType<S, "integer" | "float" | "bigint">;

/** The types that `setType` can convert to one another. */
export type ConvertibleType = Exclude<TypeName, "bytes" | "json">;

/** The names of the fields whose type can be changed. */
export type ConvertibleName<S extends Schema> = NameOfType<S, ConvertibleType>;

/** The result of `sum`: a bigint for bigints. */
export type SumOf<S extends Schema, K extends keyof S> = TypeOf<S[K]> extends infer T
  ? T extends "bigint" ? bigint : number
  : never;

/** One figure of `groupBy`. */
export type Aggregate<S extends Schema> =
  | "count"
  | readonly ["sum" | "avg", NumericName<S>]
  | readonly ["min" | "max", SortableName<S>];

/** The result of an aggregate. */
export type AggregateValue<S extends Schema, A> = A extends "count" ? number
  : A extends readonly ["sum", infer K extends keyof S] ? SumOf<S, K>
  : A extends readonly ["avg", string] ? number | null
  : A extends readonly ["min" | "max", infer K extends keyof S] ? ValueOf<S, S[K]> | null
  : never;

/** Valid names of figures: not reserved, and not the name of the key. */
export type FigureNames<K extends string> = NoReservedNames & { readonly [P in K]?: never };

/** One group of `groupBy`: the value that its rows share, and its figures by name. */
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

/** Accepts exactly one name: `unknown` if `K` is one name, otherwise an impossible type. */
export type Single<K, All = K> = [K] extends [never] ? "exactly one unique field"
  : K extends K ? [All] extends [K] ? unknown : "exactly one unique field"
  : never;

/** A schema with one more field. */
export type WithField<S extends Schema, N extends string, F extends Field> = {
  readonly [K in keyof S | N]: K extends N ? F : K extends keyof S ? S[K] : never;
};

/** A schema without a field. */
export type WithoutField<S extends Schema, N extends keyof S> = {
  readonly [K in Exclude<keyof S, N>]: S[K];
};

/** A schema with a field renamed. */
export type WithRenamed<S extends Schema, N extends keyof S, M extends string> = {
  readonly [K in keyof S as K extends N ? M : K]: S[K];
};

/** The values that can be the default of a field; a link has none, its row may be deleted. */
export type Default<S extends Schema, F> = TypeOf<F> extends Link<infer _> ? null : Written<S, F>;

/** A schema in which a field has a default, so `insert` does not need the field. */
export type WithDefault<S extends Schema, N extends keyof S> = WithOptions<
  S,
  N,
  { readonly default: null }
>;

/** A schema in which a field has another type; its default is converted like its values. */
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

/** Forbids all keys except the allowed ones. */
export type NoExtra<C, Allowed> = { readonly [K in Exclude<keyof C, keyof Allowed>]: never };

/** The result of a function given to `update`: changes with no other keys, and not a promise. */
export type Exactly<S extends Schema, C> = NotPromise<C> & Update<S> & NoExtra<C, Update<S>>;

/** The name of a new field: neither taken nor reserved. */
export type NewName<S extends Schema, N extends string> = N extends `_${string}`
  ? "names that begin with _ are reserved"
  : string extends keyof S ? N
  : N extends keyof S ? `"${N}" is a field already`
  : N;

/** Forbids promises: a function that runs at one commit point cannot wait. */
export type NotPromise<T> = T extends PromiseLike<unknown>
  ? "an async function is not possible here"
  : T;
