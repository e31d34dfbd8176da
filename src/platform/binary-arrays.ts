/**
 * Array parameters in PostgreSQL's binary form. `pg` writes JavaScript arrays as text, quoting every element, and
 * PostgreSQL reads them back letter by letter; a Buffer goes through as it is. The parameter must be declared as an
 * array of exactly this type (`$1::uuid[]`).
 */
const TYPES = { boolean: 16, bytea: 17, int4: 23, text: 25, timestamptz: 1184, uuid: 2950 } as const;

const HEADER_BYTES = 20;
const NULL = -1;
/** PostgreSQL counts microseconds from 2000-01-01. */
const EPOCH_MS = Date.UTC(2000, 0, 1);
const TWO_TO_32 = 2 ** 32;

type Nullable<Value> = readonly (Value | null)[];

export function textArray(items: Nullable<string>): Buffer {
  const sizes = items.map((item) => (item === null ? NULL : Buffer.byteLength(item)));
  return write('text', sizes, (buffer, offset, index) => buffer.write(items[index] ?? '', offset, 'utf8'));
}

export function uuidArray(items: Nullable<string>): Buffer {
  return write('uuid', sizesOf(items, 16), (buffer, offset, index) => writeUuid(buffer, offset, items[index] ?? ''));
}

export function byteaArray(items: Nullable<Buffer>): Buffer {
  const sizes = items.map((item) => item?.length ?? NULL);
  return write('bytea', sizes, (buffer, offset, index) => items[index]?.copy(buffer, offset));
}

export function intArray(items: Nullable<number>): Buffer {
  return write('int4', sizesOf(items, 4), (buffer, offset, index) => buffer.writeInt32BE(items[index] ?? 0, offset));
}

export function booleanArray(items: Nullable<boolean>): Buffer {
  return write('boolean', sizesOf(items, 1), (buffer, offset, index) =>
    buffer.writeUInt8(items[index] ? 1 : 0, offset),
  );
}

/** ISO 8601, to the millisecond. */
export function timestampArray(items: Nullable<string>): Buffer {
  return write('timestamptz', sizesOf(items, 8), (buffer, offset, index) => {
    const microseconds = (millisecondsOf(items[index] ?? '') - EPOCH_MS) * 1000;
    const high = Math.floor(microseconds / TWO_TO_32);
    buffer.writeInt32BE(high, offset);
    buffer.writeUInt32BE(microseconds - high * TWO_TO_32, offset + 4);
  });
}

function sizesOf(items: Nullable<unknown>, size: number): number[] {
  return items.map((item) => (item === null ? NULL : size));
}

/** `sizes` in bytes, -1 for null. */
function write(
  type: keyof typeof TYPES,
  sizes: number[],
  writeItem: (buffer: Buffer, offset: number, index: number) => unknown,
): Buffer {
  let bytes = HEADER_BYTES;
  let nulls = 0;
  for (const size of sizes) {
    bytes += 4 + Math.max(size, 0);
    if (size === NULL) nulls = 1;
  }
  const buffer = Buffer.allocUnsafe(bytes);
  buffer.writeInt32BE(1, 0); // dimensions
  buffer.writeInt32BE(nulls, 4);
  buffer.writeInt32BE(TYPES[type], 8);
  buffer.writeInt32BE(sizes.length, 12);
  buffer.writeInt32BE(1, 16); // where counting begins
  let offset = HEADER_BYTES;
  for (let index = 0; index < sizes.length; index++) {
    const size = sizes[index] ?? NULL;
    buffer.writeInt32BE(size, offset);
    offset += 4;
    if (size === NULL) continue;
    writeItem(buffer, offset, index);
    offset += size;
  }
  return buffer;
}

/** Throws TypeError on anything but 32 hexadecimal digits with their dashes. */
function writeUuid(buffer: Buffer, offset: number, uuid: string): void {
  let at = offset;
  let digits = 0;
  let byte = 0;
  for (let index = 0; index < uuid.length; index++) {
    const digit = HEX[uuid.charCodeAt(index)] ?? NOT_HEX;
    if (digit === NOT_HEX) {
      if (uuid[index] === '-') continue;
      break;
    }
    byte = byte * 16 + digit;
    digits += 1;
    if (digits % 2 === 1) continue;
    if (digits <= 32) buffer[at++] = byte;
    byte = 0;
  }
  if (digits !== 32) throw new TypeError(`"${uuid}" is not a UUID.`);
}

const NOT_HEX = 255;
/** Character code → value of the digit. */
const HEX = Uint8Array.from({ length: 128 }, (_, code) => {
  const value = Number.parseInt(String.fromCharCode(code), 16);
  return Number.isNaN(value) ? NOT_HEX : value;
});

/** Rows of one batch mostly carry the same moment. */
let latest = { iso: '', ms: 0 };

function millisecondsOf(iso: string): number {
  if (iso === latest.iso) return latest.ms;
  const ms = Date.parse(iso);
  if (Number.isNaN(ms)) throw new TypeError(`"${iso}" is not a moment.`);
  latest = { iso, ms };
  return ms;
}
