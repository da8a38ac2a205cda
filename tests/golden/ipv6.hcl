# Made by vaultops.cluster. Changes made here are overwritten.
cluster_name  = "prod"
api_addr      = "https://[fd00::10]:8200"
cluster_addr  = "https://[fd00::10]:8201"
ui            = true
disable_mlock = true
log_format    = "json"

listener "tcp" {
  address         = "[::]:8200"
  cluster_address = "[::]:8201"
  tls_cert_file   = "/etc/vault.d/tls/vault.crt"
  tls_key_file    = "/etc/vault.d/tls/vault.key"
  tls_min_version = "tls13"
}

storage "raft" {
  path                   = "/opt/vault/data"
  node_id                = "vault-1"
  performance_multiplier = 1
}

seal "awskms" {
  region     = "eu-central-1"
  kms_key_id = "alias/vault-unseal"
}
