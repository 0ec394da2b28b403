/**
 * Dates and times of day as numbers: columns store and compare them in this form.
 *
 * These functions read a value through the getters of its class. A subclass, or a property of the
 * value itself, could return anything, and something else each time. The getters throw a TypeError
 * for a value of another class.
 *
 * @module
 */

/** Getters of a class by name. They take the value as `this`. */
type Getters<T, K extends keyof T> = { readonly [N in K]: (this: T) => T[N] };

/** Finds getters at their first use: loading Temporal would slow down every start. */
function lazyGetters<T, K extends keyof T & string>(
  prototype: () => T,
  ...names: K[]
): () => Getters<T, K> {
  let getters: Getters<T, K> | undefined;
  return () =>
    getters ??= Object.fromEntries(
      names.map((name) => [name, Object.getOwnPropertyDescriptor(prototype(), name)!.get!]),
    ) as Getters<T, K>;
}

const dateGetters = lazyGetters(
  () => Temporal.PlainDate.prototype,
  "calendarId",
  "year",
  "month",
  "day",
);
const timeGetters = lazyGetters(
  () => Temporal.PlainTime.prototype,
  "hour",
  "minute",
  "second",
  "millisecond",
  "microsecond",
  "nanosecond",
);
const dateTimeGetters = lazyGetters(() => Temporal.PlainDateTime.prototype, "calendarId");
const instantGetters = lazyGetters(
  () => Temporal.Instant.prototype,
  "epochMilliseconds",
  "epochNanoseconds",
);

/** Refuses other calendars: a value would come back in a different calendar than it had. */
function checkCalendar(calendarId: string, type: string): void {
  if (calendarId !== "iso8601") {
    throw new RangeError(
      `a ${type} of the calendar "${calendarId}", convert it with withCalendar("iso8601")`,
    );
  }
}

// Days to dates and back: days_from_civil and civil_from_days from Howard Hinnant's
// "chrono-Compatible Low-Level Date Algorithms". Its years begin in March, so the leap day comes
// last. The calendar repeats after an era of 400 years, which are 146,097 days.
const DAYS_PER_ERA = 146_097;
const DAYS_BEFORE_1970 = 719_468; // from 0000-03-01

/** Days from 1970-01-01 to a date; throws RangeError if the date has another calendar. */
export function dateToDays(date: Temporal.PlainDate): number {
  const getters = dateGetters();
  checkCalendar(getters.calendarId.call(date), "date");
  const month = getters.month.call(date);
  const day = getters.day.call(date);
  const year = getters.year.call(date) - (month > 2 ? 0 : 1);
  const era = Math.floor(year / 400);
  const yearOfEra = year - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) +
    dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - DAYS_BEFORE_1970;
}

// Creating a date is the slowest step of decoding it, and most tables hold a few dates many times.
// Rows share the objects in this cache, so they are frozen: no user can add properties to them.
const RECENT = 1024;
const recentDays = new Float64Array(RECENT).fill(NaN);
const recentDates: Temporal.PlainDate[] = new Array(RECENT);

/** The reverse of {@linkcode dateToDays}. */
export function daysToDate(days: number): Temporal.PlainDate {
  const at = days & (RECENT - 1);
  if (recentDays[at] !== days) {
    recentDates[at] = newDate(days);
    recentDays[at] = days;
  }
  return recentDates[at]!;
}

function newDate(days: number): Temporal.PlainDate {
  const shifted = days + DAYS_BEFORE_1970;
  const era = Math.floor(shifted / DAYS_PER_ERA);
  const dayOfEra = shifted - era * DAYS_PER_ERA;
  const yearOfEra = Math.floor(
    (dayOfEra - Math.floor(dayOfEra / 1460) + Math.floor(dayOfEra / 36_524) -
      Math.floor(dayOfEra / 146_096)) / 365,
  );
  const dayOfYear = dayOfEra -
    (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  const year = era * 400 + yearOfEra + (month <= 2 ? 1 : 0);
  return Object.freeze(new Temporal.PlainDate(year, month, day));
}

/** Nanoseconds from midnight to a time of day. */
export function timeToNanoseconds(time: Temporal.PlainTime): number {
  const getters = timeGetters();
  const minutes = getters.hour.call(time) * 60 + getters.minute.call(time);
  return (minutes * 60 + getters.second.call(time)) * 1e9 + getters.millisecond.call(time) * 1e6 +
    getters.microsecond.call(time) * 1e3 + getters.nanosecond.call(time);
}

/** The reverse of {@linkcode timeToNanoseconds}. */
export function nanosecondsToTime(nanoseconds: number): Temporal.PlainTime {
  const fraction = nanoseconds % 1e9;
  const seconds = (nanoseconds - fraction) / 1e9;
  return Object.freeze(
    new Temporal.PlainTime(
      Math.floor(seconds / 3600),
      Math.floor(seconds / 60) % 60,
      seconds % 60,
      Math.floor(fraction / 1e6),
      Math.floor(fraction / 1e3) % 1e3,
      fraction % 1e3,
    ),
  );
}

/** Days and nanoseconds of a date and time. */
export function splitDateTime(value: Temporal.PlainDateTime): [days: number, nanoseconds: number] {
  return [dateToDays(value.toPlainDate()), timeToNanoseconds(value.toPlainTime())];
}

/** The nanoseconds from 1970 to a datetime in two parts: they have the order of datetimes. */
export function joinNanoseconds(days: number, nanoseconds: number): bigint {
  return BigInt(days) * 86_400_000_000_000n + BigInt(nanoseconds);
}

/** The reverse of {@linkcode splitDateTime}; throws RangeError if there is no such date. */
export function joinDateTime(days: number, nanoseconds: number): Temporal.PlainDateTime {
  return Object.freeze(daysToDate(days).toPlainDateTime(nanosecondsToTime(nanoseconds)));
}

/** A frozen copy that no user holds; throws as {@linkcode dateToDays}. */
export function copyDateTime(value: Temporal.PlainDateTime): Temporal.PlainDateTime {
  checkCalendar(dateTimeGetters().calendarId.call(value), "datetime");
  return Object.freeze(Temporal.PlainDateTime.from(value));
}

/** Milliseconds from 1970 to an instant; throws RangeError if it has a finer fraction. */
export function instantToMilliseconds(instant: Temporal.Instant): number {
  const getters = instantGetters();
  const milliseconds = getters.epochMilliseconds.call(instant);
  if (BigInt(milliseconds) * 1_000_000n !== getters.epochNanoseconds.call(instant)) {
    throw new RangeError(
      'an instant finer than the milliseconds of a timestamp, round it with round("millisecond")',
    );
  }
  return milliseconds;
}
