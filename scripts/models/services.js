// Which services are imported, from which SDK package into which plugin, and what the packages do
// not say of a service as a whole. Constraints of single shapes are in the service's constraints.lua.
"use strict";

// Query services word their refusals alike.
const query = { validation: { code: "ValidationError" } };

module.exports = [
  { plugin: "gateway", service: "apigateway", client: "api-gateway", validation: { code: "BadRequestException" } },
  { plugin: "gateway", service: "apigatewayv2", client: "apigatewayv2", validation: { code: "BadRequestException" } },
  { plugin: "gateway", service: "apigatewaymanagementapi", client: "apigatewaymanagementapi" },
  { plugin: "gateway", service: "appsync", client: "appsync", validation: { code: "BadRequestException" } },
  { plugin: "functions", service: "lambda", client: "lambda", error_types: true }, // "Type" says whose fault it is.
  { plugin: "functions", service: "logs", client: "cloudwatch-logs", validation: { code: "InvalidParameterException" } },
  {
    plugin: "storage", service: "dynamodb", client: "dynamodb", error_namespace: "com.amazonaws.dynamodb.v20120810",
    validation: { unions_by_operation: true }, // Its errors say where the empty value stood, and come in an order.
  },
  { plugin: "storage", service: "dynamodbstreams", client: "dynamodb-streams", error_namespace: "com.amazonaws.dynamodb.v20120810" },
  {
    plugin: "storage", service: "s3", client: "s3", bare_errors: true, request_id_header: "x-amz-request-id",
    virtual_hosts: ["{Bucket}.s3.*"], path_prefix: "{Bucket}",
    validation: { code: "InvalidArgument", serialization_code: "InvalidArgument" },
  },
  { plugin: "storage", service: "s3control", client: "s3-control", validation: { code: "InvalidRequest" } },
  { plugin: "storage", service: "rds", client: "rds", validation: { code: "InvalidParameterValue", missing_code: "MissingParameter" } },
  { plugin: "storage", service: "rds-data", client: "rds-data", validation: { code: "BadRequestException" } },
  {
    plugin: "queues", service: "sqs", client: "sqs", protocols: ["json-1.0", "query"],
    xml_namespace: "http://queue.amazonaws.com/doc/2012-11-05/",
    validation: { style: "parameter", code: "InvalidParameterValue", missing_code: "MissingParameter" },
  },
  { plugin: "queues", service: "kinesis", client: "kinesis" },
  { plugin: "queues", service: "firehose", client: "firehose" },
  { plugin: "notifications", service: "sns", client: "sns", validation: { code: "InvalidParameter" } },
  { plugin: "notifications", service: "ses", client: "ses", ...query },
  { plugin: "notifications", service: "sesv2", client: "sesv2", validation: { code: "BadRequestException" } },
  { plugin: "notifications", service: "events", client: "eventbridge" },
  { plugin: "notifications", service: "scheduler", client: "scheduler" },
  { plugin: "notifications", service: "pipes", client: "pipes" },
  { plugin: "auth", service: "cognito-idp", client: "cognito-identity-provider", validation: { code: "InvalidParameterException" } },
  { plugin: "auth", service: "cognito-identity", client: "cognito-identity" },
  { plugin: "auth", service: "iam", client: "iam", ...query },
  { plugin: "auth", service: "sts", client: "sts", ...query, unsigned: ["AssumeRoleWithSAML", "AssumeRoleWithWebIdentity"] },
  { plugin: "auth", service: "kms", client: "kms" },
  { plugin: "auth", service: "acm", client: "acm" },
  { plugin: "auth", service: "secretsmanager", client: "secrets-manager" },
  { plugin: "auth", service: "ssm", client: "ssm" },
  { plugin: "auth", service: "wafv2", client: "wafv2" },
  { plugin: "workflows", service: "sfn", client: "sfn" },
  { plugin: "workflows", service: "swf", client: "swf" },
  { plugin: "observability", service: "cloudwatch", client: "cloudwatch", protocols: ["json-1.0", "rpc-v2-cbor", "query"] },
  { plugin: "observability", service: "xray", client: "xray", validation: { code: "InvalidRequestException" } },
  { plugin: "observability", service: "cloudtrail", client: "cloudtrail" },
  { plugin: "deploy", service: "cloudformation", client: "cloudformation", ...query },
  { plugin: "deploy", service: "resourcegroupstaggingapi", client: "resource-groups-tagging-api" },
  { plugin: "network", service: "cloudfront", client: "cloudfront", validation: { code: "InvalidArgument" } },
  { plugin: "network", service: "elasticloadbalancingv2", client: "elastic-load-balancing-v2", ...query },
  {
    plugin: "network", service: "ec2", client: "ec2",
    validation: { style: "parameter", code: "InvalidParameterValue", missing_code: "MissingParameter" },
  },
  { plugin: "network", service: "ecs", client: "ecs", validation: { code: "InvalidParameterException" } },
];
