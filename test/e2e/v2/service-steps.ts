// What the recorded transcripts ask of the rest of the v2 API: members, statistics, users and roles.
import type { Step } from './transcript.ts'

const lines = (text: string): readonly string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())

export const serviceSteps: Readonly<Record<string, readonly Step[]>> = {
  'members': lines(`
    GET /v2/members
    GET /v2/members/
    GET /v2/members/leader
    GET /v2/members/leader/
    GET /v2/members/MEMBER
    GET /v2/members/nothing
    PUT /v2/members/1 <json {"peerURLs":["http://10.0.0.3:2380"]}
    PUT /v2/members/xyz <json {"peerURLs":["http://10.0.0.3:2380"]}
    PUT /v2/members/1ffffffffffffffff <json {"peerURLs":["http://10.0.0.3:2380"]}
    PUT /v2/members/-1 <json {"peerURLs":["http://10.0.0.3:2380"]}
    PUT /v2/members <json {"peerURLs":["http://10.0.0.3:2380"]}
    PUT /v2/members/MEMBER <json {"peerURLs":[]}
    PUT /v2/members/MEMBER <json {
    PUT /v2/members/MEMBER <text/plain {"peerURLs":["http://10.0.0.3:2380"]}
    PUT /v2/members/MEMBER <json {"peerURLs":["http://10.0.0.9:2380","http://10.0.0.8:2380"]}
    GET /v2/members
    POST /v2/members <json {"peerURLs":["http://10.0.0.9:2380"]}
    POST /v2/members <json {"peerURLs":["http://10.0.0.3"]}
    POST /v2/members <json {"peerURLs":["10.0.0.3:2380"]}
    POST /v2/members <json {"peerURLs":["http://10.0.0.3:2380/path"]}
    POST /v2/members <json {"peerURLs":["ftp://10.0.0.3:2380"]}
    POST /v2/members <json {"peerURLs":"http://10.0.0.3:2380"}
    POST /v2/members <json {"peerURLs":[1]}
    POST /v2/members <json {}
    POST /v2/members <json []
    POST /v2/members <json null
    POST /v2/members <json "x"
    POST /v2/members <json 1
    POST /v2/members <json true
    POST /v2/members <json
    POST /v2/members <json x
    POST /v2/members <json {"peerURLs":["http://10.0.0.3:2380"]
    POST /v2/members <json {"peerURLs":["http://10.0.0.3:2380"]}}
    POST /v2/members <peerURLs=http://10.0.0.3:2380
    POST /v2/members <application/json; charset=utf-8 {"peerURLs":[]}
    POST /v2/members
    DELETE /v2/members
    DELETE /v2/members/
    DELETE /v2/members/xyz
    DELETE /v2/members/1
    POST /v3/cluster/member/add <json {"peerURLs":["http://10.0.0.4:2380"],"isLearner":true}
    GET /v2/members
    PUT /v2/members/ADDED1 <json {"peerURLs":["http://10.0.0.9:2380"]}
    PUT /v2/members/ADDED1 <json {"peerURLs":["http://10.0.0.5:2380"]}
    GET /v2/members
    DELETE /v2/members/ADDED1
    DELETE /v2/members/ADDED1
    PUT /v2/members/ADDED1 <json {"peerURLs":["http://10.0.0.5:2380"]}
    GET /v2/members
    POST /v2/members <json {"peerURLs":["http://10.0.0.7:2380","http://10.0.0.6:2380"]}
    GET /v2/members
    GET /v2/machines`),

  'stats': lines(`
    GET /v2/stats/store
    GET /v2/keys/a
    PUT /v2/keys/a <value=1
    PUT /v2/keys/a/b <value=1
    PUT /v2/keys/ <value=1
    PUT /v2/keys/a?prevExist=true <value=1
    PUT /v2/keys/b?prevExist=true <value=1
    PUT /v2/keys/a?prevExist=false <value=1
    PUT /v2/keys/b?prevExist=false <value=1
    POST /v2/keys/q <value=1
    POST /v2/keys/a <value=1
    PUT /v2/keys/a?prevValue=1 <value=2
    PUT /v2/keys/a?prevValue=1 <value=2
    PUT /v2/keys/q?prevValue=1 <value=2
    PUT /v2/keys/?prevValue=1 <value=2
    DELETE /v2/keys/a?prevValue=1
    DELETE /v2/keys/q?prevValue=1
    DELETE /v2/keys/a?prevValue=2
    DELETE /v2/keys/a
    DELETE /v2/keys/q
    DELETE /v2/keys/b
    DELETE /v2/keys/
    GET /v2/keys/?recursive=true
    GET /v2/keys/?quorum=true
    GET /v2/keys/?wait=x
    GET /v2/keys/b?wait=true&waitIndex=1
    HEAD /v2/keys/b
    GET /v2/stats/store
    GET /v2/stats/self
    GET /v2/stats/leader`),

  'auth-users': lines(`
    GET /v2/auth/enable
    GET /v2/auth/users
    GET /v2/auth/users/
    GET /v2/auth/roles
    GET /v2/auth/roles/
    GET /v2/auth/users/nobody
    GET /v2/auth/roles/nothing
    GET /v2/auth/roles/root
    GET /v2/auth/roles/guest
    PUT /v2/auth/enable
    DELETE /v2/auth/enable
    PUT /v2/auth/users/u <json {"user":"u"}
    PUT /v2/auth/users/u <json {"user":"v","password":"x"}
    PUT /v2/auth/users/u <json {"user":"u","password":"x"
    PUT /v2/auth/users/u <json
    PUT /v2/auth/users/u <user=u&password=x
    PUT /v2/auth/users/u <json {"user":"u","password":"x"}
    GET /v2/keys
    PUT /v2/auth/users/u <json {"user":"u","password":"x"}
    PUT /v2/auth/users/u <json {"user":"u"}
    PUT /v2/auth/users/u <json {"user":"u","password":"y","roles":["r"]}
    PUT /v2/auth/users/w <json {"user":"w","password":"y","roles":["r","guest"]}
    GET /v2/auth/users/u
    GET /v2/auth/users/w
    PUT /v2/auth/users/u <json {"user":"u","grant":["r"]}
    PUT /v2/auth/users/u <json {"user":"u","grant":["r"]}
    PUT /v2/auth/users/u <json {"user":"u","grant":["b","a"]}
    PUT /v2/auth/users/u <json {"user":"u","revoke":["nothing"]}
    PUT /v2/auth/users/u <json {"user":"u","revoke":["r"]}
    PUT /v2/auth/users/u <json {"user":"u","grant":["r"],"revoke":["r"]}
    PUT /v2/auth/users/u <json {"user":"u","grant":["r"],"revoke":["a"]}
    PUT /v2/auth/users/u <json {"user":"u","grant":["c"],"roles":["d"]}
    PUT /v2/auth/users/nobody <json {"user":"nobody","grant":["r"]}
    GET /v2/auth/users/u
    GET /v2/auth/users
    PUT /v2/auth/roles/r <json {"role":"r"}
    GET /v2/auth/users/u
    GET /v2/auth/users
    PUT /v2/auth/users/a%20b <json {"user":"a b","password":"x"}
    PUT /v2/auth/users/root <json {"user":"root","password":"x"}
    GET /v2/auth/users/root
    PUT /v2/auth/users/root <json {"user":"root","revoke":["root"]}
    PUT /v2/auth/users/root <json {"user":"root","grant":["root"]}
    GET /v2/auth/users
    DELETE /v2/auth/users/nobody
    DELETE /v2/auth/users/u
    DELETE /v2/auth/users/u
    DELETE /v2/auth/users/root
    DELETE /v2/auth/users
    DELETE /v2/auth/users/
    GET /v2/auth/users/a/b
    POST /v2/auth/users/u <json {"user":"u","password":"x"}
    PUT /v2/auth/users/ <json {"user":"","password":"x"}
    GET /v2/keys
    GET /v2/stats/store`),

  'auth-roles': lines(`
    PUT /v2/auth/roles/r <json {"role":"r"}
    PUT /v2/auth/roles/r <json {"role":"r"}
    PUT /v2/auth/roles/r <json {"role":"s"}
    PUT /v2/auth/roles/r <json {"role":"r"
    PUT /v2/auth/roles/r <json
    PUT /v2/auth/roles/root <json {"role":"root"}
    PUT /v2/auth/roles/root <json {"role":"root","grant":{"kv":{"read":["/a"]}}}
    DELETE /v2/auth/roles/root
    PUT /v2/auth/roles/p <json {"role":"p","permissions":{"kv":{"read":["/a"],"write":["/b/*"]}}}
    GET /v2/auth/roles/p
    GET /v2/auth/roles/r
    GET /v2/auth/roles
    PUT /v2/auth/roles/r <json {"role":"r","grant":{"kv":{"read":["/a","/b*"]}}}
    PUT /v2/auth/roles/r <json {"role":"r","grant":{"kv":{"read":["/a"]}}}
    PUT /v2/auth/roles/r <json {"role":"r","grant":{"kv":{"write":["/z","/a"]}}}
    PUT /v2/auth/roles/r <json {"role":"r","grant":{"kv":{"write":["/z"]}}}
    PUT /v2/auth/roles/r <json {"role":"r","grant":{"kv":{"read":["/c"],"write":["/c"]}},"revoke":{"kv":{"read":["/a"]}}}
    PUT /v2/auth/roles/r <json {"role":"r","revoke":{"kv":{"read":["/nothing"]}}}
    PUT /v2/auth/roles/r <json {"role":"r","revoke":{"kv":{"read":["/c"],"write":["/a","/c"]}}}
    PUT /v2/auth/roles/r <json {"role":"r","permissions":{"kv":{"read":["/a"]}},"grant":{"kv":{"read":["/q"]}}}
    PUT /v2/auth/roles/nothing <json {"role":"nothing","grant":{"kv":{"read":["/q"]}}}
    PUT /v2/auth/roles/e <json {"role":"e","grant":{"kv":{"read":[]}}}
    PUT /v2/auth/roles/f <json {"role":"f","grant":{}}
    GET /v2/auth/roles
    GET /v2/auth/roles/r/x
    DELETE /v2/auth/roles/nothing
    DELETE /v2/auth/roles/r
    DELETE /v2/auth/roles/r
    GET /v2/auth/roles/r
    POST /v2/auth/roles/r
    GET /v2/auth/roles`),

  'auth-enabled': lines(`
    PUT /v2/keys/open <value=1
    PUT /v2/keys/a/x <value=1
    PUT /v2/auth/users/root <json {"user":"root","password":"secret"}
    PUT /v2/auth/roles/r <json {"role":"r","permissions":{"kv":{"read":["/a/*","/one"],"write":["/a/w/*","/one"]}}}
    PUT /v2/auth/users/u <json {"user":"u","password":"pass","roles":["r","gone"]}
    PUT /v2/auth/enable
    GET /v2/auth/enable
    PUT /v2/auth/enable
    [root:secret] PUT /v2/auth/enable
    GET /v2/auth/roles/guest
    [root:secret] GET /v2/auth/roles/guest
    [root:secret] GET /v2/auth/roles
    [root:wrong] GET /v2/auth/roles
    [root] GET /v2/auth/roles
    [nobody:secret] GET /v2/auth/roles
    [u:pass] GET /v2/auth/roles
    GET /v2/auth/users
    [u:pass] GET /v2/auth/users/u
    [root:secret] GET /v2/auth/users/u
    [root:secret] GET /v2/auth/users
    GET /v2/keys/open
    PUT /v2/keys/open <value=2
    [u:pass] GET /v2/keys/open
    [u:pass] PUT /v2/keys/open <value=3
    [u:pass] GET /v2/keys/a/x
    [u:pass] GET /v2/keys/a
    [u:pass] GET /v2/keys/a/
    [u:pass] GET /v2/keys/a/?recursive=true
    [u:pass] GET /v2/keys/?recursive=true
    [u:pass] PUT /v2/keys/a/x <value=2
    [u:pass] PUT /v2/keys/a/w/x <value=2
    [u:pass] PUT /v2/keys/a/w/x?recursive=true <value=2
    [u:pass] PUT /v2/keys/one <value=2
    [u:pass] GET /v2/keys/one?recursive=true
    [u:pass] GET /v2/keys/one?wait=true&waitIndex=1
    [u:pass] DELETE /v2/keys/one?recursive=true
    [u:pass] DELETE /v2/keys/one
    [u:pass] POST /v2/keys/a/w <value=2
    [u:pass] POST /v2/keys/a/w/ <value=2
    [u:wrong] GET /v2/keys/open
    [nobody:x] GET /v2/keys/open
    [u] GET /v2/keys/open
    [] GET /v2/keys/open
    [root:secret] GET /v2/keys/open
    [root:secret] PUT /v2/auth/roles/guest <json {"role":"guest","revoke":{"kv":{"write":["/*"]}}}
    PUT /v2/keys/open <value=4
    GET /v2/keys/open
    HEAD /v2/keys/open
    [root:secret] DELETE /v2/auth/roles/guest
    GET /v2/keys/open
    GET /v2/keys/open?wait=x
    GET /v2/members
    POST /v2/members <json {"peerURLs":["http://10.0.0.1:2380"]}
    DELETE /v2/members/1
    [u:pass] DELETE /v2/members/1
    [root:secret] DELETE /v2/members/1
    GET /v2/machines
    GET /v2/stats/self
    GET /version
    [root:secret] DELETE /v2/auth/users/root
    [root:secret] PUT /v2/auth/users/root <json {"user":"root","password":"other"}
    [root:secret] GET /v2/auth/users
    [root:other] GET /v2/auth/users
    [root:other] PUT /v2/auth/users/admin <json {"user":"admin","password":"a","roles":["root"]}
    [admin:a] GET /v2/auth/users/admin
    [u:pass] DELETE /v2/auth/enable
    DELETE /v2/auth/enable
    [admin:a] DELETE /v2/auth/enable
    GET /v2/auth/enable
    [admin:a] DELETE /v2/auth/enable
    GET /v2/auth/users
    [u:wrong] GET /v2/keys/open
    DELETE /v2/auth/users/root
    PUT /v2/auth/enable
    GET /v2/keys
    GET /v2/stats/store`),

  'auth-passwords': lines(`
    PUT /v2/auth/users/root <json {"user":"root","password":"PASSWORDS"}
    PUT /v2/auth/users/u <json {"user":"u","password":"${'x'.repeat(80)}","roles":["root"]}
    PUT /v2/auth/users/e <json {"user":"e","password":"${'ä'.repeat(36)}","roles":["root"]}
    PUT /v2/auth/enable
    [u:${'x'.repeat(80)}] GET /v2/keys
    [u:${'x'.repeat(72)}] GET /v2/keys
    [u:${'x'.repeat(71)}] GET /v2/keys
    [e:${'ä'.repeat(36)}] GET /v2/keys
    [e:${'ä'.repeat(35)}] GET /v2/keys
    [root:PASSWORDS] GET /v2/keys
    [root:passwords] GET /v2/keys
    [root:PASSWORDS:] GET /v2/keys
    [u:] GET /v2/keys`),
}

/** Without `--enable-v2`. */
export const stepsWhereOff: readonly Step[] = lines(`
  GET /v2/keys
  PUT /v2/keys/a <value=1
  OPTIONS /v2/keys/a
  GET /v2/members
  POST /v2/members
  GET /v2/machines
  GET /v2/stats/store
  GET /v2/auth/enable
  HEAD /v2/keys
  GET /v2`)
