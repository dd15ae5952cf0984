// Bodies for users, leases, locks, elections, members and maintenance that etcd 3.7 refuses with 400.

/** As in bad-requests.ts. */
export const badServiceRequests: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  '/v3/auth/user/add': {
    '{}': 'etcdserver: user name is empty',
    '{"name":1}': 'proto: (line 1:9): invalid value for string field name: 1',
    '{"name":null}': 'etcdserver: user name is empty',
    '{"name":["a"]}': 'proto: (line 1:9): invalid value for string field name: [',
    '{"name":"a","options":[]}': 'proto: syntax error (line 1:23): unexpected token [',
    '{"name":"a","options":{"no_password":"yes"}}':
      'proto: (line 1:38): invalid value for bool field noPassword: "yes"',
    '{"name":"a","name":"b"}': 'proto: (line 1:13): duplicate field "name"',
    '{"name":"\\ud800"}': 'proto: unexpected EOF',
    '{"name":"a","hashedPassword":5}':
      'proto: (line 1:30): invalid value for string field hashedPassword: 5',
  },
  '/v3/auth/user/grant': {
    '{"user":{}}': 'proto: (line 1:9): invalid value for string field user: {',
    '{"role":true}': 'proto: (line 1:9): invalid value for string field role: true',
  },
  '/v3/auth/role/add': {
    '{}': 'etcdserver: role name is empty',
    '{"name":""}': 'etcdserver: role name is empty',
    '{"name":{}}': 'proto: (line 1:9): invalid value for string field name: {',
  },
  '/v3/auth/role/grant': {
    '{}': 'etcdserver: permission not given',
    '{"name":"r","perm":[]}': 'proto: syntax error (line 1:20): unexpected token [',
    '{"name":"r","perm":{}}': 'etcdserver: invalid auth management',
    '{"name":"r","perm":{"key":"YQ==","range_end":"YQ=="}}': 'etcdserver: invalid auth management',
    '{"name":"r","perm":{"key":"Yg==","range_end":"YQ=="}}': 'etcdserver: invalid auth management',
    '{"name":"r","perm":{"key":"***"}}':
      'proto: (line 1:27): invalid value for bytes field key: "***"',
    '{"name":"r","perm":{"permType":2147483648}}':
      'proto: (line 1:32): invalid value for enum field permType: 2147483648',
    '{"name":"r","perm":{"range_end":"AA=="}}': 'etcdserver: invalid auth management',
  },
  '/v3/auth/role/revoke': {
    '{"key":5}': 'proto: (line 1:8): invalid value for bytes field key: 5',
    '{"role":"r","rangeEnd":"Y"}':
      'proto: (line 1:24): invalid value for bytes field rangeEnd: "Y"',
  },
  '/v3/lease/revoke': {
    '{"ID":"x"}': 'proto: (line 1:7): invalid value for int64 field ID: "x"',
    '{"ID":1.5}': 'proto: (line 1:7): invalid value for int64 field ID: 1.5',
  },
  '/v3/lease/timetolive': {
    '{"keys":"true"}': 'proto: (line 1:9): invalid value for bool field keys: "true"',
  },
  '/v3/lock/lock': {
    '{"name":"***"}': 'proto: (line 1:9): invalid value for bytes field name: "***"',
    '{"lease":"9223372036854775808"}':
      'proto: (line 1:10): invalid value for int64 field lease: "9223372036854775808"',
    '{"lease":{}}': 'proto: (line 1:10): invalid value for int64 field lease: {',
  },
  '/v3/lock/unlock': {
    '{"key":1}': 'proto: (line 1:8): invalid value for bytes field key: 1',
    '[]': 'proto: syntax error (line 1:1): unexpected token [',
  },
  '/v3/election/campaign': {
    '{"name":[]}': 'proto: (line 1:9): invalid value for bytes field name: [',
    '{"value":{}}': 'proto: (line 1:10): invalid value for bytes field value: {',
  },
  '/v3/election/proclaim': {
    '{"leader":"me"}': 'proto: syntax error (line 1:11): unexpected token "me"',
    '{"leader":{"rev":"x"}}': 'proto: (line 1:18): invalid value for int64 field rev: "x"',
    '{"leader":{"name":"***"}}': 'proto: (line 1:19): invalid value for bytes field name: "***"',
  },
  '/v3/election/resign': {
    '{"leader":[]}': 'proto: syntax error (line 1:11): unexpected token [',
  },
  '/v3/cluster/member/add': {
    '{}': 'etcdserver: given member URLs are invalid',
    '{"peerURLs":[]}': 'etcdserver: given member URLs are invalid',
    '{"peerURLs":[""]}': 'etcdserver: given member URLs are invalid',
    '{"peerURLs":["nonsense"]}': 'etcdserver: given member URLs are invalid',
    '{"peerURLs":["http://127.0.0.1"]}': 'etcdserver: given member URLs are invalid',
    '{"peerURLs":["http://127.0.0.1:1/path"]}': 'etcdserver: given member URLs are invalid',
    '{"peerURLs":"http://127.0.0.1:1"}':
      'proto: syntax error (line 1:13): unexpected token "http://127.0.0.1:1"',
    '{"peerURLs":[null]}': 'proto: (line 1:14): invalid value for string field peerURLs: null',
    '{"peerURLs":[1]}': 'proto: (line 1:14): invalid value for string field peerURLs: 1',
    '{"isLearner":1}': 'proto: (line 1:14): invalid value for bool field isLearner: 1',
  },
  '/v3/cluster/member/remove': {
    '{"ID":-1}': 'proto: (line 1:7): invalid value for uint64 field ID: -1',
    '{"ID":"18446744073709551616"}':
      'proto: (line 1:7): invalid value for uint64 field ID: "18446744073709551616"',
    '{"ID":"x"}': 'proto: (line 1:7): invalid value for uint64 field ID: "x"',
  },
  '/v3/cluster/member/update': {
    '{"ID":true}': 'proto: (line 1:7): invalid value for uint64 field ID: true',
    '{"peerURLs":{}}': 'proto: syntax error (line 1:13): unexpected token {',
  },
  '/v3/maintenance/alarm': {
    '{"action":1.5}': 'proto: (line 1:11): invalid value for enum field action: 1.5',
    '{"memberID":-1}': 'proto: (line 1:13): invalid value for uint64 field memberID: -1',
    '{"alarm":[]}': 'proto: (line 1:10): invalid value for enum field alarm: [',
    '{"action":{}}': 'proto: (line 1:11): invalid value for enum field action: {',
  },
  '/v3/maintenance/transfer-leadership': {
    '{"targetID":-1}': 'proto: (line 1:13): invalid value for uint64 field targetID: -1',
    '{"targetID":"x"}': 'proto: (line 1:13): invalid value for uint64 field targetID: "x"',
  },
  '/v3/maintenance/downgrade': {
    '{}': 'etcdserver: wrong downgrade target version format',
    '{"version":"x"}': 'etcdserver: wrong downgrade target version format',
    '{"version":"3.5"}': 'etcdserver: invalid downgrade target version',
    '{"version":"3.7.1"}': 'etcdserver: invalid downgrade target version',
    '{"version":3.6}': 'proto: (line 1:12): invalid value for string field version: 3.6',
    '{"action":"ENABLE"}': 'etcdserver: wrong downgrade target version format',
    '{"action":"ENABLE","version":"4.0.0"}': 'etcdserver: invalid downgrade target version',
    '{"version":"3.6.0.0"}': 'etcdserver: wrong downgrade target version format',
    '{"version":"-3.6"}': 'etcdserver: wrong downgrade target version format',
    '{"version":"3"}': 'etcdserver: wrong downgrade target version format',
  },
}
