import type {
  AskedEtcdObservation,
  EtcdPlaces,
  EtcdUnitFault,
  EtcdUnitObservation,
} from '../../../domain/etcd-places';
import type { MemberName } from '../../../domain/names';
import type { EtcdObservation } from '../../../domain/observation';
import { etcdPlaceFindings } from '../../../domain/preflight/preflight-etcd-places';
import { evaluatePreflight } from '../../../domain/preflight/preflight';
import { aCluster, anEtcd, version } from '../../support/builders';

const name = 'cp-1' as MemberName;
const problem = { code: 'unreachable', message: 'nobody answers' } as const;
const url = 'https://10.0.0.31:2379';

const asked = (
  other: Partial<Extract<AskedEtcdObservation, { kind: 'observed' }>> = {},
): AskedEtcdObservation => ({
  kind: 'observed',
  name,
  isPod: false,
  endpoints: [{ url, sockets: ['10.0.0.31:2379'] }],
  ...other,
});

const unit = (
  of: string,
  other: Partial<Extract<EtcdUnitObservation, { kind: 'observed' }>> = {},
): EtcdUnitObservation => ({
  kind: 'observed',
  name: of,
  version: '3.5.15',
  sockets: ['10.0.0.31:2379', '127.0.0.1:2379'],
  faults: [],
  ...other,
});

const unobserved: EtcdObservation = { kind: 'unobserved', problem };

function found(etcdPlaces: EtcdPlaces | undefined, etcd = unobserved) {
  const findings = etcdPlaceFindings({
    etcd,
    ...(etcdPlaces === undefined ? {} : { etcdPlaces }),
  });
  expect(findings.every(({ severity }) => severity === 'blocks')).toBe(true);
  return findings.map(({ code, object, message, remedy }) => [
    code,
    'name' in object ? `${object.kind} ${object.name}` : object.kind,
    message,
    remedy,
  ]);
}

describe('where etcd runs', () => {
  it('is not asked about where no driver tells it', () => {
    expect(found(undefined)).toEqual([]);
  });

  it('is as the access file says: a static pod, or a unit that is asked', () => {
    expect(found({ controlPlanes: [asked({ isPod: true })] })).toEqual([]);
    const etcd = anEtcd(1);
    const [member] = etcd.kind === 'observed' ? etcd.members : [];
    const units = [unit(member?.name ?? '')];
    expect(found({ controlPlanes: [asked()], units }, etcd)).toEqual([]);
  });

  it('has to be said where it is no static pod', () => {
    const remedy = 'say in the access file which unit etcd is, and where: driver.etcd';
    const says = (what: string) => [
      'etcd-place-unknown',
      'node cp-1',
      `its API server asks ${what}, and etcd is no static pod there`,
      remedy,
    ];
    expect(found({ controlPlanes: [asked()] })).toEqual([says(url)]);
    expect(found({ controlPlanes: [asked({ endpoints: [] })] })).toEqual([
      says('nothing that its manifest names'),
    ]);
  });

  it('must not be said where it is a static pod', () => {
    expect(found({ controlPlanes: [asked({ isPod: true })], units: [unit('etcd-1')] })).toEqual([
      [
        'etcd-place-unknown',
        'node cp-1',
        'etcd is a static pod there, and the access file says that it is a unit',
        'take driver.etcd out of the access file',
      ],
    ]);
  });

  it('is asked at endpoints that a member of the access file serves', () => {
    const elsewhere = { url: 'https://etcd:2379', sockets: ['10.0.0.9:2379'] };
    const places = { controlPlanes: [asked({ endpoints: [elsewhere] })], units: [unit('etcd-1')] };
    expect(found(places)).toEqual([
      [
        'etcd-endpoint-unnamed',
        'node cp-1',
        'its API server asks https://etcd:2379, where no member of etcd in the access file serves',
        'name that member in etcd.members and its machine in driver.etcd.machines',
      ],
    ]);
  });

  it('is not guessed of machines that do not answer', () => {
    const away = { kind: 'unobserved', name: 'etcd-1', problem } as const;
    const controlPlanes = [{ kind: 'unobserved', name, problem } as const, asked()];
    expect(found({ controlPlanes, units: [away] })).toEqual([
      [
        'etcd-machine-unobserved',
        'etcd etcd-1',
        'its machine could not be asked: nobody answers',
        'see that the worker reaches the machine as root, as a restore will',
      ],
    ]);
  });

  it('is known of every member that etcd lists', () => {
    const away = { name: 'etcd-9', endpoint: 'https://etcd-9:2379', problem };
    const etcd = anEtcd(1, { unreachable: [away] });
    const [member] = etcd.kind === 'observed' ? etcd.members : [];
    const places = { controlPlanes: [], units: [unit('other')] };
    const remedy = 'name it in etcd.members and its machine in driver.etcd.machines, or remove it';
    expect(found(places, etcd)).toEqual(
      [
        { of: member?.name ?? '', at: member?.endpoint ?? '' },
        { of: 'etcd-9', at: away.endpoint },
      ].map(({ of, at }) => [
        'etcd-member-unnamed',
        `etcd ${of}`,
        `it is a member of etcd at ${at}, and the access file does not name it`,
        remedy,
      ]),
    );
  });

  it.each<[EtcdUnitFault, string, string]>([
    [
      { why: 'unit-missing', unit: 'etcd' },
      'there is no unit etcd on its machine',
      'name the unit of etcd in driver.etcd.unit of the access file',
    ],
    [
      { why: 'unit-stopped', unit: 'etcd', state: 'failed' },
      'its unit etcd is failed',
      'see why with systemctl status etcd there, and start it',
    ],
    [
      { why: 'not-etcd', unit: 'etcd', program: 'podman' },
      'the main process of its unit etcd is podman, not etcd',
      'have the unit run etcd itself: what a container runs cannot be restored',
    ],
    [
      { why: 'other-name', name: 'infra0' },
      'it calls itself infra0',
      'name members in the access file as etcd does: etcd.members and driver.etcd.machines',
    ],
    [
      { why: 'flag-missing', flag: 'cert-file' },
      'it runs without --cert-file',
      'give the unit that flag, its variable, or its line in the configuration file',
    ],
    [
      { why: 'peers-several', urls: 'https://a:2380,https://b:2380' },
      'it has several addresses for its peers: https://a:2380,https://b:2380',
      'give the unit one address in --initial-advertise-peer-urls',
    ],
    [
      { why: 'data-missing', directory: '/srv/etcd' },
      'its data directory /srv/etcd is not there',
      'mount or make the directory, owned by the user of etcd',
    ],
    [
      { why: 'log-apart', directory: '/srv/wal' },
      'its log has a directory of its own: /srv/wal',
      'leave out --wal-dir: log and data are restored together',
    ],
    [
      { why: 'file-missing', flag: 'key-file', file: '/etc/etcd/key' },
      'the file of --key-file, /etc/etcd/key, is not there',
      'put the file there, or name files that are there in driver.etcd.client',
    ],
    [
      { why: 'programs-missing', version: '3.5.15' },
      'there is no etcdctl beside its etcd 3.5.15 that restores',
      'put etcdctl and etcdutl of its minor beside it, or on the PATH of root',
    ],
    [
      { why: 'other-minor', version: '3.6.1', wanted: '3.5.15' },
      'it is etcd 3.6.1, and the snapshot is of etcd 3.5.15',
      'put programs of etcd 3.5.15 there before it is restored',
    ],
  ])('is not where a restore has all it needs: %j', (fault, message, remedy) => {
    const units = [unit('etcd-1', { faults: [fault] })];
    expect(found({ controlPlanes: [asked()], units })).toEqual([
      ['etcd-unit-unfit', 'etcd etcd-1', message, remedy],
    ]);
  });

  it('is a part of the preflight of a hop', () => {
    const observation = aCluster()
      .withMembers(1, '1.28.15')
      .with({ etcdPlaces: { controlPlanes: [asked()] } })
      .observation();
    const hop = { from: version('1.28.15'), to: version('1.29.15') };
    expect(evaluatePreflight({ observation, hop }).findings).toContainEqual(
      expect.objectContaining({ code: 'etcd-place-unknown', severity: 'blocks' }),
    );
  });
});
