// What the recorded transcripts ask of /v2/keys, by the name of the file in test/golden/v2.
import type { Step } from './transcript.ts'

const lines = (text: string): readonly string[] =>
  text
    .trim()
    .split('\n')
    .map((line) => line.trim())

export const keySteps: Readonly<Record<string, readonly Step[]>> = {
  'set-get-delete': lines(`
    GET /v2/keys
    GET /v2/keys/
    GET /v2/keys/a
    HEAD /v2/keys/a
    PUT /v2/keys/a <value=1
    PUT /v2/keys/a <value=2
    GET /v2/keys/a
    HEAD /v2/keys/a
    GET /v2/keys/a?quorum=true
    GET /v2/keys/a/
    GET /v2/keys/a/b
    GET /v2/keys/a/b/c
    GET /v2/keys/missing/b/c
    PUT /v2/keys/a/b <value=3
    PUT /v2/keys/a/b/c <value=3
    PUT /v2/keys/b?value=query
    PUT /v2/keys/b?value=query <value=body
    PUT /v2/keys/b
    PUT /v2/keys/b <value=
    PUT /v2/keys/c/d/e <value=deep
    GET /v2/keys/c
    GET /v2/keys/c/d
    GET /v2/keys/c?recursive=true
    GET /v2/keys/?recursive=true&sorted=true
    PUT /v2/keys/b <value=1&noValueOnSuccess=true
    PUT /v2/keys/n?noValueOnSuccess=true <value=1
    DELETE /v2/keys/n?noValueOnSuccess=true
    DELETE /v2/keys/missing
    DELETE /v2/keys/missing/b
    DELETE /v2/keys/a
    DELETE /v2/keys/a
    DELETE /v2/keys/a/b
    DELETE /v2/keys
    DELETE /v2/keys/
    DELETE /v2/keys/?recursive=true
    PUT /v2/keys <value=1
    PUT /v2/keys/ <value=1
    PUT /v2/keys/?dir=true
    POST /v2/keys/ <value=first
    GET /v2/keys/?recursive=true&sorted=true`),

  'values': lines(`
    PUT /v2/keys/v <value=a+b%20c%2Bd
    PUT /v2/keys/v <value=%C3%A4%E2%82%AC%F0%9F%98%80
    PUT /v2/keys/v <value=äöü
    PUT /v2/keys/v <value=%FF%FE
    GET /v2/keys/v
    PUT /v2/keys/v <value=%00%01%1F%7F
    PUT /v2/keys/v <value=%22%5C%2F%3C%3E%26%E2%80%A8%E2%80%A9%09%0A%0D%08%0C
    GET /v2/keys/v
    PUT /v2/keys/v <value={"json":[1,2]}
    PUT /v2/keys/v <value=1&value=2
    PUT /v2/keys/v <Value=upper
    PUT /v2/keys/v <value=a;b
    PUT /v2/keys/v?value=a;ttl=1
    PUT /v2/keys/v <value=100%
    PUT /v2/keys/v <value=%zz
    PUT /v2/keys/v?value=%zz
    PUT /v2/keys/v?value=%zz <value=1
    PUT /v2/keys/v <text/plain value=plain
    PUT /v2/keys/v <json {"value":"json"}
    PUT /v2/keys/v <application/x-www-form-urlencoded; charset=utf-8 value=charset
    PUT /v2/keys/v <multipart/form-data value=multipart
    GET /v2/keys/v
    PUT /v2/keys/v <=nothing
    PUT /v2/keys/v <value
    PUT /v2/keys/v <&&value=1&&
    PUT /v2/keys/v <value=a=b`),

  'keys': lines(`
    PUT /v2/keys/a%20b <value=space
    PUT /v2/keys/a+b <value=plus
    PUT /v2/keys/a%2Fb <value=slash
    PUT /v2/keys/%C3%A4 <value=umlaut
    PUT /v2/keys/%FF <value=byte
    PUT /v2/keys/a%00b <value=zero
    PUT /v2/keys/%3Cx%3E&y <value=html
    PUT /v2/keys/q%3Fq%23 <value=marks
    PUT /v2/keys/%2E%2E/x <value=dots
    PUT /v2/keys/%zz <value=bad
    PUT /v2/keys//a <value=1
    PUT /v2/keys/a//b <value=1
    GET /v2/keys//a
    GET /v2/keys/a//b?x=1
    HEAD /v2/keys/a//b
    GET /v2/keys/../0
    GET /v2/keys/./a
    DELETE /v2/keys/a/../b
    PUT /v2/keys/slash/ <value=1
    GET /v2/keys/slash
    GET /v2/keys/slash/
    PUT /v2/keys/~tilde:colon@at,comma;semi=eq$dollar!bang*star(par) <value=1
    GET /v2/keysa
    GET /v2/keys?recursive=true&sorted=true
    PUT /v2/keys/A <value=1
    PUT /v2/keys/Z <value=1
    PUT /v2/keys/10 <value=1
    PUT /v2/keys/9 <value=1
    PUT /v2/keys/%EE%80%80 <value=private
    PUT /v2/keys/%F0%9F%98%80 <value=astral
    GET /v2/keys?recursive=true&sorted=true`),

  'directories': lines(`
    PUT /v2/keys/d?dir=true
    PUT /v2/keys/d <dir=true
    PUT /v2/keys/d?dir=true&prevExist=true
    PUT /v2/keys/d?dir=true&prevExist=false
    PUT /v2/keys/d?prevExist=true <value=1
    PUT /v2/keys/d?prevExist=true
    PUT /v2/keys/d?prevExist=true&ttl=100
    GET /v2/keys/d
    PUT /v2/keys/d?prevExist=true&dir=true&ttl=
    GET /v2/keys/d
    PUT /v2/keys/d <value=1
    PUT /v2/keys/d <value=1&dir=true
    PUT /v2/keys/e?dir=true <value=1
    PUT /v2/keys/f <value=1
    PUT /v2/keys/f?dir=true
    GET /v2/keys/f
    PUT /v2/keys/f?dir=true
    PUT /v2/keys/d/x <value=1
    PUT /v2/keys/d/y/z <value=2
    PUT /v2/keys/d/y/_h <value=3
    DELETE /v2/keys/d
    DELETE /v2/keys/d?dir=true
    DELETE /v2/keys/d?dir=false
    DELETE /v2/keys/e?dir=true
    DELETE /v2/keys/f?dir=true&recursive=true
    PUT /v2/keys/g <value=1
    DELETE /v2/keys/g?dir=true
    PUT /v2/keys/g <value=1
    DELETE /v2/keys/g?recursive=true
    GET /v2/keys/d
    GET /v2/keys/d?sorted=true
    GET /v2/keys/d?recursive=true&sorted=true
    DELETE /v2/keys/d?prevValue=1
    DELETE /v2/keys/d?prevIndex=5
    PUT /v2/keys/d?prevValue=1 <value=2
    PUT /v2/keys/d?prevIndex=5&dir=true
    DELETE /v2/keys/d?recursive=true
    GET /v2/keys/?recursive=true`),

  'conditions': lines(`
    PUT /v2/keys/a?prevExist=false <value=1
    PUT /v2/keys/a?prevExist=false <value=2
    PUT /v2/keys/a?prevExist=true <value=3
    PUT /v2/keys/b?prevExist=true <value=3
    PUT /v2/keys/a?prevValue=3 <value=4
    PUT /v2/keys/a?prevValue=3 <value=5
    PUT /v2/keys/a?prevIndex=6 <value=5
    PUT /v2/keys/a?prevIndex=6 <value=6
    PUT /v2/keys/a?prevIndex=6&prevValue=5 <value=6
    PUT /v2/keys/a?prevIndex=7&prevValue=9 <value=6
    PUT /v2/keys/a?prevIndex=9&prevValue=9 <value=6
    PUT /v2/keys/a?prevIndex=7&prevValue=5 <value=6
    PUT /v2/keys/a?prevIndex=0 <value=7
    PUT /v2/keys/b?prevIndex=1 <value=7
    PUT /v2/keys/b?prevValue=1 <value=7
    PUT /v2/keys/a/b?prevValue=1 <value=7
    PUT /v2/keys/a?prevValue= <value=7
    PUT /v2/keys/a?prevIndex= <value=7
    PUT /v2/keys/a?prevIndex=x <value=7
    PUT /v2/keys/a?prevIndex=-1 <value=7
    PUT /v2/keys/a?prevIndex=18446744073709551616 <value=7
    PUT /v2/keys/a?prevIndex=18446744073709551615 <value=7
    PUT /v2/keys/a?prevIndex=007 <value=7
    PUT /v2/keys/a?prevExist= <value=7
    PUT /v2/keys/a?prevExist=maybe <value=7
    PUT /v2/keys/a?prevExist=t <value=8
    PUT /v2/keys/a?prevExist=1&prevValue=8 <value=9
    PUT /v2/keys/a?prevExist=TRUE&prevIndex=1 <value=9
    PUT /v2/keys/a?prevExist=false&prevValue=9 <value=10
    PUT /v2/keys/c?prevExist=false&prevValue=9 <value=10
    PUT /v2/keys/a?prevValue=9&dir=true
    PUT /v2/keys/a?prevValue=&prevValue=9 <value=1
    PUT /v2/keys/a <prevValue=&value=1
    PUT /v2/keys/a?prevValue=9 <value=10&prevValue=x
    DELETE /v2/keys/a?prevValue=x
    DELETE /v2/keys/a?prevIndex=1
    DELETE /v2/keys/a?prevIndex=1&prevValue=x
    DELETE /v2/keys/a?prevValue=
    DELETE /v2/keys/a?prevExist=false
    PUT /v2/keys/a <value=1
    DELETE /v2/keys/a?prevValue=1
    PUT /v2/keys/a <value=1
    DELETE /v2/keys/a?prevValue=2&recursive=true
    DELETE /v2/keys/a?prevValue=1&recursive=true&dir=true
    DELETE /v2/keys/a?prevValue=1
    DELETE /v2/keys/?prevValue=1
    PUT /v2/keys/?prevValue=1 <value=1
    PUT /v2/keys/?prevExist=true <value=1
    PUT /v2/keys/?prevExist=false <value=1
    PUT /v2/keys/s?prevExist=false&noValueOnSuccess=true <value=1
    PUT /v2/keys/s?prevExist=true&noValueOnSuccess=true <value=2
    PUT /v2/keys/s?prevValue=2&noValueOnSuccess=true <value=3
    DELETE /v2/keys/s?prevValue=3&noValueOnSuccess=true
    GET /v2/keys/?recursive=true`),

  'fields': lines(`
    PUT /v2/keys/a <value=1
    GET /v2/keys/a?recursive=x
    GET /v2/keys/a?recursive=
    GET /v2/keys/a?sorted=yes
    GET /v2/keys/a?wait=x
    GET /v2/keys/a?dir=x
    GET /v2/keys/a?quorum=x
    GET /v2/keys/a?stream=x
    GET /v2/keys/a?noValueOnSuccess=x
    GET /v2/keys/a?refresh=x
    GET /v2/keys/a?refresh=
    GET /v2/keys/a?refresh=true
    GET /v2/keys/a?waitIndex=x
    GET /v2/keys/a?waitIndex=1
    GET /v2/keys/a?prevIndex=x&waitIndex=x
    GET /v2/keys/a?waitIndex=x&recursive=x
    GET /v2/keys/a?prevValue=
    GET /v2/keys/a?prevExist=x
    GET /v2/keys/a?ttl=x
    GET /v2/keys/a?ttl=5
    GET /v2/keys/a?recursive=T&sorted=F&dir=1&quorum=0&stream=t&unknown=x
    GET /v2/keys/a?recursive=tRUE
    GET /v2/keys/a?recursive
    GET /v2/keys/a?
    GET /v2/keys/a?a;b
    GET /v2/keys/a?%zz
    PUT /v2/keys/a?wait=true <value=1
    POST /v2/keys/a?wait=true <value=1
    DELETE /v2/keys/a?wait=true
    HEAD /v2/keys/a?wait=true
    PUT /v2/keys/a?wait=false <value=1
    PUT /v2/keys/a?sorted=true&stream=true&recursive=true <value=2
    PUT /v2/keys/a <value=1&ttl=x
    PUT /v2/keys/a <value=1&ttl=-1
    PUT /v2/keys/a <value=1&ttl=1.5
    PUT /v2/keys/a <value=1&ttl=+5
    PUT /v2/keys/a <value=1&ttl=%205
    PUT /v2/keys/a <value=1&ttl=18446744073709551616
    PUT /v2/keys/a <value=1&ttl=
    PUT /v2/keys/a <value=1&ttl=100
    PUT /v2/keys/a <value=1&ttl=9000000000
    PUT /v2/keys/a <refresh=true
    PUT /v2/keys/a <refresh=true&value=1
    PUT /v2/keys/a <refresh=true&value=1&ttl=100
    PUT /v2/keys/a <refresh=true&value=&ttl=100
    PUT /v2/keys/a <refresh=maybe&ttl=100
    PUT /v2/keys/a <refresh=false&value=9&ttl=100
    GET /v2/keys/a`),

  'methods-and-paths': lines(`
    PATCH /v2/keys/a <value=1
    OPTIONS /v2/keys/a
    BREW /v2/keys/a
    POST /v2/keys/a?dir=true
    GET /v2
    GET /v2/
    GET /v2/nothing
    PUT /v2/nothing
    GET /v2/keys/
    GET /V2/keys
    GET /
    GET /version
    HEAD /version
    POST /version
    GET /v2/stats
    GET /v2/stats/
    GET /v2/stats/nothing
    GET /v2/stats/store/
    PUT /v2/stats/store
    HEAD /v2/stats/store
    POST /v2/stats/self
    DELETE /v2/stats/leader
    GET /v2/stats/leader
    GET /v2/stats/self
    GET /v2/machines
    GET /v2/machines/
    HEAD /v2/machines
    PUT /v2/machines
    GET /v2/leader
    GET /v2/admin
    GET /v2/auth
    GET /v2/auth/
    GET /v2/auth/nothing
    PATCH /v2/auth/enable
    POST /v2/auth/users
    POST /v2/auth/roles
    PATCH /v2/members
    HEAD /v2/members`),

  'in-order': lines(`
    POST /v2/keys/q <value=1
    POST /v2/keys/q <value=2
    PUT /v2/keys/other <value=x
    POST /v2/keys/q <value=3&ttl=100
    POST /v2/keys/q?dir=true
    POST /v2/keys/q
    POST /v2/keys/q?prevExist=true&prevValue=9 <value=4
    POST /v2/keys/q?noValueOnSuccess=true <value=4
    GET /v2/keys/q?sorted=true
    GET /v2/keys/q?sorted=true&recursive=true
    POST /v2/keys/other <value=1
    POST /v2/keys/other/x <value=1
    POST /v2/keys/ <value=root
    POST /v2/keys <value=root
    POST /v2/keys/q/ <value=slash
    POST /v2/keys/q?refresh=true&ttl=100
    GET /v2/keys/q?sorted=true&recursive=true`),

  'hidden': lines(`
    PUT /v2/keys/_h <value=1
    PUT /v2/keys/d/_h <value=2
    PUT /v2/keys/d/_hd/x <value=3
    PUT /v2/keys/d/x <value=4
    PUT /v2/keys/d/x_y <value=5
    GET /v2/keys/
    GET /v2/keys/?recursive=true&sorted=true
    GET /v2/keys/_h
    GET /v2/keys/d?sorted=true
    GET /v2/keys/d?recursive=true&sorted=true
    GET /v2/keys/d/_h
    GET /v2/keys/d/_hd
    GET /v2/keys/d/_hd?recursive=true
    PUT /v2/keys/only/_h <value=1
    GET /v2/keys/only
    DELETE /v2/keys/only?dir=true
    DELETE /v2/keys/only?recursive=true
    POST /v2/keys/_q <value=1
    GET /v2/keys/_q
    DELETE /v2/keys/_h`),
}
