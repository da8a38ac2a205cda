module vaultops.example/lab/metadata-mock

go 1.25.3

tool github.com/aws/amazon-ec2-metadata-mock/cmd

require github.com/aws/amazon-ec2-metadata-mock v1.13.0
