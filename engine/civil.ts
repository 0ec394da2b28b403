/**
 * Days and times of day as numbers, in which columns hold and compare them.
 *
 * @module
 */

// Days and civil dates: days_from_civil and civil_from_days of Howard Hinnant,
// "chrono-Compatible Low-Level Date Algorithms". Years begin in March there, so
// that the leap day is the last; an era is the 400 years, 146,097 days, after
// which the calendar repeats.
const DAYS_PER_ERA = 146_097;
const DAYS_BEFORE_1970 = 719_468; // from 0000-03-01

/** Days from 1970-01-01 to a date. */
export function daysOf(date: Temporal.PlainDate): number {
  const month = date.month;
  const year = month > 2 ? date.year : date.year - 1;
  const era = Math.floor(year / 400);
  const yearOfEra = year - era * 400;
  const dayOfYear = Math.floor((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5) + date.day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) +
    dayOfYear;
  return era * DAYS_PER_ERA + dayOfEra - DAYS_BEFORE_1970;
}

// To make a date takes longer than all else that is done for a value, and tables hold few
// different ones many times. Nobody can change a date: rows may share it.
const RECENT = 1024;
const recentDays = new Float64Array(RECENT).fill(NaN);
const recentDates: Temporal.PlainDate[] = new Array(RECENT);

/** The reverse of {@linkcode daysOf}. */
export function dateOf(days: number): Temporal.PlainDate {
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
  return new Temporal.PlainDate(year, month, day);
}

/** Nanoseconds from midnight to a time of day. */
export function nanosecondsOf(time: Temporal.PlainTime): number {
  return ((time.hour * 60 + time.minute) * 60 + time.second) * 1e9 +
    time.millisecond * 1e6 + time.microsecond * 1e3 + time.nanosecond;
}

/** The reverse of {@linkcode nanosecondsOf}. */
export function timeOf(nanoseconds: number): Temporal.PlainTime {
  const fraction = nanoseconds % 1e9;
  const seconds = (nanoseconds - fraction) / 1e9;
  return new Temporal.PlainTime(
    Math.floor(seconds / 3600),
    Math.floor(seconds / 60) % 60,
    seconds % 60,
    Math.floor(fraction / 1e6),
    Math.floor(fraction / 1e3) % 1e3,
    fraction % 1e3,
  );
}

/** Days and nanoseconds of a date and time. */
export function splitDateTime(value: Temporal.PlainDateTime): [days: number, nanoseconds: number] {
  return [daysOf(value.toPlainDate()), nanosecondsOf(value.toPlainTime())];
}

/** The reverse of {@linkcode splitDateTime}; throws `RangeError` for what is no date. */
export function joinDateTime(days: number, nanoseconds: number): Temporal.PlainDateTime {
  return dateOf(days).toPlainDateTime(timeOf(nanoseconds));
}
