# Security rules on what Vault says: audit entries, and lines of the server's log. README.md beside this says what each means.
#
#     jq -nRc -f audit.jq FILE
#     journalctl -u vault -o cat -f | jq -nRc --unbuffered -f audit.jq
#
# Each finding is an object on a line of its own. Other lines, and those that are no JSON, are passed over.

# A burst: so many requests of one address refused within so many seconds.
def burst: {refused: 10, seconds: 60};

# Who may do what in this cluster, and how its identities log in.
def of_an_identity:
  test("^sys/polic(y|ies/acl)/vaultops-")
  or test("^auth/(cert/certs|aws/role)/vaultops-")
  or test("^auth/(aws/config/|cert/config|cert/crls/)");

def changes: . == "create" or . == "update" or . == "patch" or . == "delete";

def finding($rule; $severity):
  {
    rule: $rule,
    severity: $severity,
    time,
    who: (.auth.display_name // "nobody"),
    from: .request.remote_address,
    operation: .request.operation,
    path: .request.path
  };

def refused: .error != null and .auth.policy_results.allowed != true;

# By the request, where the entry of the response may be missing: a device that is disabled does not write it any more.
def of_a_request:
  .request.path as $path
  | select(refused | not)
  | select(.request.operation | changes)
  | if ($path | test("^sys/audit/")) then
      finding("AuditDeviceChanged"; "critical")
    elif $path == "sys/generate-root/attempt" and .request.operation != "delete" then
      finding("GenerateRootBegun"; "critical")
    elif ($path | of_an_identity) then
      finding("IdentityChanged"; "critical")
    elif ($path | test("^sys/auth/")) then
      finding("AuthMethodChanged"; "warning")
    elif ($path | test("^sys/seal$")) then
      finding("Sealed"; "critical")
    else
      empty
    end;

# By the response, which alone tells what came of it.
def of_a_response:
  if (.response.auth.policies // []) | index(["root"]) then
    finding("RootTokenMade"; "critical")
  elif (.request.path | test("^sys/generate-root/update$")) and .response.data.complete == true then
    finding("RootTokenMade"; "critical")
  else
    empty
  end;

# What Vault 1.21 writes to no audit device. The message is all there is to tell by.
def of_the_log:
  if .["@message"] == "rekey initialized" then
    {rule: "RekeyBegun", severity: "critical", time: .["@timestamp"], who: "nobody", from: null, operation: null, path: "sys/rekey"}
  else
    empty
  end;

def seconds: .time[0:19] + "Z" | fromdateiso8601;

foreach (inputs | fromjson? | objects) as $line (
  {refusals: {}};
  .burst = false
  | if $line.type == "response" and ($line | refused) then
      ($line.request.remote_address // "unknown") as $from
      | ($line | seconds) as $now
      | .refusals[$from] = [(.refusals[$from] // [])[], $now]
      | .refusals[$from] |= map(select(. > $now - burst.seconds))
      | if .refusals[$from] | length >= burst.refused then
          .burst = true | .refusals[$from] = []
        else
          .
        end
    else
      .
    end;
  .burst as $burst
  | $line
  | if $burst then finding("RefusedOften"; "warning") else empty end,
    if .type == "request" then
      of_a_request
    elif .type == "response" and .error == null then
      of_a_response
    else
      of_the_log
    end
)
