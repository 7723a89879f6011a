// Reads one thing from the first bytes of a TLS connection: the protocols that the client offers
// (ALPN, RFC 7301). The hello is in the clear; nothing else is looked at.

const handshakeRecord = 22;
const clientHelloMessage = 1;
const alpnExtension = 16;
const recordHeaderBytes = 5;

/** What the first bytes tell; `incomplete` asks for more of them. */
export type HelloVerdict =
  | { readonly kind: 'hello'; readonly protocols: readonly string[] }
  | { readonly kind: 'incomplete' }
  | { readonly kind: 'not-tls' };

/** Walks a buffer; undefined once anything points beyond its end. */
class Cursor {
  private offset = 0;
  private readonly bytes: Buffer;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
  }

  get left(): number {
    return this.bytes.length - this.offset;
  }

  take(length: number): Buffer | undefined {
    if (length > this.left) return undefined;
    this.offset += length;
    return this.bytes.subarray(this.offset - length, this.offset);
  }

  number(length: 1 | 2): number | undefined {
    return this.take(length)?.readUIntBE(0, length);
  }

  /** A vector with its length in front. */
  vector(lengthBytes: 1 | 2): Buffer | undefined {
    const length = this.number(lengthBytes);
    return length === undefined ? undefined : this.take(length);
  }
}

function protocolsOf(alpn: Buffer): readonly string[] {
  const list = new Cursor(new Cursor(alpn).vector(2) ?? Buffer.alloc(0));
  const protocols: string[] = [];
  for (let name = list.vector(1); name !== undefined; name = list.vector(1)) {
    protocols.push(name.toString('latin1'));
  }
  return protocols;
}

function extensionsOf(hello: Buffer): Buffer | undefined {
  const cursor = new Cursor(hello);
  const isWhole =
    cursor.take(2) !== undefined && // legacy_version
    cursor.take(32) !== undefined && // random
    cursor.vector(1) !== undefined && // session id
    cursor.vector(2) !== undefined && // cipher suites
    cursor.vector(1) !== undefined; // compression methods
  return isWhole ? cursor.vector(2) : undefined;
}

function alpnOf(hello: Buffer): readonly string[] {
  const extensions = new Cursor(extensionsOf(hello) ?? Buffer.alloc(0));
  while (extensions.left > 0) {
    const type = extensions.number(2);
    const body = extensions.vector(2);
    if (type === undefined || body === undefined) return [];
    if (type === alpnExtension) return protocolsOf(body);
  }
  return [];
}

/** `protocols` is empty when the client offers none: it speaks HTTP/1.1 then. */
export function readClientHello(bytes: Buffer): HelloVerdict {
  if (bytes.length > 0 && bytes[0] !== handshakeRecord) return { kind: 'not-tls' };
  if (bytes.length < recordHeaderBytes) return { kind: 'incomplete' };
  const record = bytes.subarray(
    recordHeaderBytes,
    recordHeaderBytes + bytes.readUInt16BE(recordHeaderBytes - 2),
  );
  if (record.length < bytes.readUInt16BE(recordHeaderBytes - 2)) return { kind: 'incomplete' };
  if (record[0] !== clientHelloMessage) return { kind: 'not-tls' };
  // A hello that spans several records is cut here: no ALPN is found, and none is assumed.
  return { kind: 'hello', protocols: alpnOf(record.subarray(4)) };
}
