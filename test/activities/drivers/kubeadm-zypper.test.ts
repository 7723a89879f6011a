// Packages of a release by zypper.

import { describePackagesOf } from './support/rpm-packages';

jest.setTimeout(180_000);

describePackagesOf({
  kind: 'zypper',
  folder: '/etc/zypp/repos.d',
  between: '=',
  prepare: () => '',
  install: `rm -rf /etc/zypp/locks /var/cache/zypp/solv/@System
      zypper -q -n refresh
      zypper -q -n install --oldpackage`,
  lock: 'zypper -q -n addlock',
  unlock: 'zypper -q -n removelock',
  locks: "sed -n 's/^solvable_name: //p' /etc/zypp/locks | sort",
  lockOf: (name) => name,
  cache: '/var/cache/zypp',
});
