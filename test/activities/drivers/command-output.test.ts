import { LineReader, Tail } from '../../../activities/drivers/command-output';
import { createMask } from '../../../activities/drivers/secret-mask';

function readerOf(bytesMax: number) {
  const lines: string[] = [];
  let overlong = 0;
  const onOverlong = (): void => void (overlong += 1);
  const reader = new LineReader({ bytesMax, onLine: (line) => lines.push(line), onOverlong });
  return { reader, told: () => ({ lines, overlong }) };
}

describe('lines', () => {
  it('are put together from whatever comes, a character over two chunks included', () => {
    const { reader, told } = readerOf(100);
    const bytes = Buffer.from('one\ntwö\n\nthree');
    for (const byte of bytes) reader.write(Buffer.from([byte]));
    expect(told()).toEqual({ lines: ['one', 'twö', ''], overlong: 0 });
    reader.end();
    expect(told()).toEqual({ lines: ['one', 'twö', '', 'three'], overlong: 0 });
  });

  it('may be as long as the limit; after a longer one nothing is told any more', () => {
    const { reader, told } = readerOf(4);
    reader.write(Buffer.from('1234\n12345\nthen\n'));
    reader.write(Buffer.from('more\n'));
    reader.end();
    expect(told()).toEqual({ lines: ['1234'], overlong: 1 });
  });
});

describe('the end of an output', () => {
  const tailOf = (bytesMax: number, ...chunks: readonly string[]): readonly string[] => {
    const tail = new Tail(bytesMax);
    for (const chunk of chunks) tail.write(Buffer.from(chunk));
    return tail.lines();
  };

  it('is told in whole lines', () => {
    expect(tailOf(100, 'one\n\n', ' two \nthr', 'ee')).toEqual(['one', 'two', 'three']);
    expect(tailOf(10, 'one and\ntwo\nthree\n')).toEqual(['three']);
    expect(tailOf(10, 'one and\n', 'two\nthree\n')).toEqual(['three']);
    expect(tailOf(4, 'a line that is too long')).toEqual([]);
    expect(tailOf(4)).toEqual([]);
  });
});

describe('a mask', () => {
  it('hides values of variables that are secret by their names, the longest first', () => {
    const mask = createMask({
      AWS_SECRET_ACCESS_KEY: 'abc',
      DB_PASSWORD: 'abcdef',
      EMPTY_TOKEN: ' ',
      REGION: 'eu',
    });
    expect(mask('abcdef, then abc in eu')).toBe('***, then *** in eu');
  });

  it('hides each long line of a value that has several, and control characters', () => {
    const mask = createMask({ SSH_KEY: '-----BEGIN\nMIIBVAIBADANBgkq\nend\n' });
    expect(mask('\u001b[31mMIIBVAIBADANBgkq\tend\n')).toBe('[31m*** end');
  });
});
