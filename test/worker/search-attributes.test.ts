import { allSearchAttributes } from '../../domain/search-attributes';
import { ensureSearchAttributes, type OperatorConnection } from '../../worker/search-attributes';
import { grpcError } from '../support/grpc-error';

const keyword = 2;
const text = 1;
const names = [...allSearchAttributes];
const command =
  'temporal operator search-attribute create --namespace default' +
  names.map((name) => ` --name ${name} --type Keyword`).join('');

/** An operator service that knows `known`; calls throw where the test says so. */
function aServer(
  known: Record<string, number>,
  failures: { list?: Error; add?: Error; onAdd?: () => void } = {},
): { connection: OperatorConnection; known: Record<string, number> } {
  const service = {
    listSearchAttributes: async () => {
      if (failures.list !== undefined) throw failures.list;
      return { customAttributes: known };
    },
    addSearchAttributes: async (request: { searchAttributes?: Record<string, number> | null }) => {
      failures.onAdd?.();
      if (failures.add !== undefined) throw failures.add;
      Object.assign(known, request.searchAttributes);
      return {};
    },
  };
  return { connection: { operatorService: service } as unknown as OperatorConnection, known };
}

const all = (type: number): Record<string, number> =>
  Object.fromEntries(names.map((name) => [name, type]));

describe('ensureSearchAttributes', () => {
  it('adds what is missing, once', async () => {
    const { connection, known } = aServer({ AscentCluster: keyword, Other: text });
    expect(await ensureSearchAttributes(connection, 'default')).toEqual({
      kind: 'added',
      names: names.slice(1),
    });
    expect(known).toEqual({ Other: text, ...all(keyword) });
    expect(await ensureSearchAttributes(connection, 'default')).toEqual({ kind: 'present' });
  });

  it('is content when another worker added them at the same time', async () => {
    const known: Record<string, number> = {};
    const { connection } = aServer(known, {
      add: grpcError(6),
      onAdd: () => void Object.assign(known, all(keyword)),
    });
    expect(await ensureSearchAttributes(connection, 'default')).toEqual({ kind: 'added', names });
  });

  it.each([
    ['that does not know the call', 12],
    ['that does not let us look', 7],
  ])('trusts a server %s and tells the command', async (_name, code) => {
    const { connection } = aServer({}, { list: grpcError(code) });
    expect(await ensureSearchAttributes(connection, 'default')).toEqual({
      kind: 'unverified',
      command,
    });
  });
});

describe('ensureSearchAttributes fails', () => {
  it('with the command when the server does not let us add', async () => {
    const { connection } = aServer({}, { add: grpcError(7) });
    await expect(ensureSearchAttributes(connection, 'default')).rejects.toMatchObject({
      code: 'search-attributes-missing',
      message: `namespace default lacks search attributes: ${names.join(', ')}`,
      remedy: `add them: ${command}`,
    });
  });

  it('when an attribute is of another type, and changes nothing', async () => {
    const { connection, known } = aServer({ AscentPhase: text });
    await expect(ensureSearchAttributes(connection, 'default')).rejects.toMatchObject({
      code: 'search-attributes-missing',
      message: 'in namespace default these search attributes are not of type Keyword: AscentPhase',
    });
    expect(known).toEqual({ AscentPhase: text });
  });

  it('as it is when the server is away', async () => {
    const error = grpcError(14);
    const { connection } = aServer({}, { list: error });
    await expect(ensureSearchAttributes(connection, 'default')).rejects.toBe(error);
  });
});
