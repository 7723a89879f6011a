import { Interruption } from '../../bin/interruption';
import type { SignalName, Started } from '../../bin/interruption';

const limitMs = 60_000;

function aProcess() {
  const said: string[] = [];
  const exits: number[] = [];
  const handlers = new Map<SignalName, () => void>();
  const interruption = new Interruption({
    pid: 4711,
    listen: (name, heard) => void handlers.set(name, heard),
    say: (line) => void said.push(line),
    exit: (code) => void exits.push(code),
    limitMs,
  });
  return { interruption, said, exits, press: (name: SignalName) => handlers.get(name)?.() };
}

const started: Started = {
  what: 'lab demo',
  endWith: 'ascent lab down --name demo',
  left: () => Promise.resolve(['supervisor (pid 12)', 'worker (pid 13)']),
};

describe('Interruption', () => {
  beforeEach(() => {
    jest.useFakeTimers();
  });

  afterEach(() => {
    jest.useRealTimers();
  });

  /** Starts something whose taking down lasts until the answer is called. */
  function start(interruption: Interruption): {
    readonly work: Promise<void>;
    readonly takenDown: () => void;
  } {
    let takenDown = (): void => undefined;
    const gone = new Promise<void>((resolve) => {
      takenDown = resolve;
    });
    return { work: interruption.whileTearingDown(started, () => gone), takenDown };
  }

  const stopping = 'stopping: lab demo is taken down first, which takes a few seconds';
  const patience =
    'stopping, a few seconds …; kill -9 4711 would leave lab demo running: ' +
    'end it with `ascent lab down --name demo`';

  it('sets no handler before somebody asks for the signal', () => {
    const { interruption, press, exits } = aProcess();
    press('SIGINT');
    expect([interruption.isInterrupted(), exits]).toEqual([false, []]);
  });

  it.each([
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const)('ends a command with nothing to take down at the second %s', (name, code) => {
    const { interruption, press, exits, said } = aProcess();
    const { signal } = interruption;
    press(name);
    expect([signal.aborted, exits]).toEqual([true, []]);
    jest.advanceTimersByTime(300);
    press(name);
    expect([exits, said]).toEqual([[code], []]);
  });

  it('takes a signal to the whole group for one', () => {
    const { interruption, press, exits } = aProcess();
    expect(interruption.signal.aborted).toBe(false);
    press('SIGINT');
    jest.advanceTimersByTime(100);
    press('SIGINT');
    expect(exits).toEqual([]);
  });

  it('goes on taking down however often it is pressed, and says so', async () => {
    const { interruption, press, exits, said } = aProcess();
    const { work, takenDown } = start(interruption);
    for (let i = 0; i < 4; i += 1) {
      press('SIGINT');
      jest.advanceTimersByTime(1_000);
    }
    expect([said, exits]).toEqual([[stopping, patience, patience, patience], []]);

    takenDown();
    await work;
    jest.advanceTimersByTime(2 * limitMs);
    expect(exits).toEqual([]);
    press('SIGINT');
    expect(exits).toEqual([130]);
  });

  it('ends at the second one once what runs shall be kept', () => {
    const { interruption, press, exits, said } = aProcess();
    void interruption.whileTearingDown(started, (keep) => {
      keep();
      return new Promise(() => undefined);
    });
    press('SIGINT');
    jest.advanceTimersByTime(300);
    press('SIGINT');
    expect([exits, said]).toEqual([[130], []]);
  });

  it('gives up at the limit, and says what is left and how to end it', async () => {
    const { interruption, press, exits, said } = aProcess();
    void start(interruption);
    press('SIGTERM');
    await jest.advanceTimersByTimeAsync(limitMs);
    expect([said.slice(1), exits]).toEqual([
      [
        'gave up after 60 s: lab demo could not be taken down; ' +
          'still running: supervisor (pid 12), worker (pid 13); ' +
          'end it with `ascent lab down --name demo`',
      ],
      [143],
    ]);
  });

  it('gives up even when it cannot be found out what is left', async () => {
    const { interruption, press, exits, said } = aProcess();
    const never = { ...started, left: () => new Promise<never>(() => undefined) };
    void interruption.whileTearingDown(never, () => new Promise(() => undefined));
    press('SIGINT');
    await jest.advanceTimersByTimeAsync(limitMs + 2_000);
    expect([said[1], exits]).toEqual([
      expect.stringContaining('what is left of it is not known'),
      [130],
    ]);
  });

  it('has the same limit for what is started after the interruption', async () => {
    const { interruption, press, exits } = aProcess();
    expect(interruption.signal.aborted).toBe(false);
    press('SIGINT');
    void start(interruption);
    await jest.advanceTimersByTimeAsync(limitMs);
    expect(exits).toEqual([130]);
  });

  it('ends when nobody reads any more, and takes down first what there is', async () => {
    const { interruption, exits, said } = aProcess();
    const { work, takenDown } = start(interruption);
    interruption.readerGone();
    interruption.readerGone();
    expect([interruption.isInterrupted(), said, exits]).toEqual([true, [stopping], []]);
    takenDown();
    await work;
    interruption.readerGone();
    expect(exits).toEqual([130]);
  });

  it('ends in peace when nobody reads any more and there is nothing to take down', () => {
    const { interruption, exits, said } = aProcess();
    interruption.readerGone();
    expect([exits, said]).toEqual([[0], []]);
  });
});
