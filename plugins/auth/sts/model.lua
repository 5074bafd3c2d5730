-- STS, written by scripts/models/import from @aws-sdk/client-sts 3.1169.0 and constraints.lua.
local shape = require "moonbase.shape"
local integer, list, required, string, timestamp =
  shape.integer, shape.list, shape.required, shape.string, shape.timestamp

return shape.service {
  name = "sts", version = "2011-06-15", service_id = "STS",
  protocols = { "query" },
  signing_name = "sts", endpoint_prefix = "sts",
  xml_namespace = "https://sts.amazonaws.com/doc/2011-06-15/",
  validation = { code = "ValidationError" },
  shapes = {
    AssumedRoleUser = { Arn = required(string), AssumedRoleId = required(string) },
    Credentials = { AccessKeyId = required(string), Expiration = required(timestamp), SecretAccessKey = string { sensitive = true, required = true }, SessionToken = required(string) },
    FederatedUser = { Arn = required(string), FederatedUserId = required(string) },
    PolicyDescriptorType = { arn = string },
    ProvidedContext = { ContextAssertion = string, ProviderArn = string },
    ProvidedContextsListType = list { "ProvidedContext" },
    Tag = { Key = required(string), Value = required(string) },
    policyDescriptorListType = list { "PolicyDescriptorType" },
    tagListType = list { "Tag" },
  },
  errors = {
    ExpiredTokenException = {},
    ExpiredTradeInTokenException = {},
    IDPCommunicationErrorException = { query_code = "IDPCommunicationError" },
    IDPRejectedClaimException = { status = 403, query_code = "IDPRejectedClaim" },
    InvalidAuthorizationMessageException = {},
    InvalidIdentityTokenException = { query_code = "InvalidIdentityToken" },
    JWTPayloadSizeExceededException = {},
    MalformedPolicyDocumentException = { query_code = "MalformedPolicyDocument" },
    OutboundWebIdentityFederationDisabledException = { status = 403 },
    PackedPolicyTooLargeException = { query_code = "PackedPolicyTooLarge" },
    RegionDisabledException = { status = 403 },
    SessionDurationEscalationException = { status = 403 },
  },
  operations = {
    AssumeRole = { input = { DurationSeconds = integer, ExternalId = string, MinimumSessionTokenSize = integer, Policy = string, PolicyArns = "policyDescriptorListType", ProvidedContexts = "ProvidedContextsListType", RoleArn = required(string), RoleSessionName = required(string), SerialNumber = string, SourceIdentity = string, Tags = "tagListType", TokenCode = string, TransitiveTagKeys = list { string } }, output = { AssumedRoleUser = "AssumedRoleUser", Credentials = "Credentials", PackedPolicySize = integer, SessionTokenSize = integer, SessionTokenUtilization = integer, SourceIdentity = string } },
    AssumeRoleWithSAML = { input = { DurationSeconds = integer, MinimumSessionTokenSize = integer, Policy = string, PolicyArns = "policyDescriptorListType", PrincipalArn = required(string), RoleArn = required(string), SAMLAssertion = string { sensitive = true, required = true } }, output = { AssumedRoleUser = "AssumedRoleUser", Audience = string, Credentials = "Credentials", Issuer = string, NameQualifier = string, PackedPolicySize = integer, SessionTokenSize = integer, SessionTokenUtilization = integer, SourceIdentity = string, Subject = string, SubjectType = string }, unsigned = true },
    AssumeRoleWithWebIdentity = { input = { DurationSeconds = integer, MinimumSessionTokenSize = integer, Policy = string, PolicyArns = "policyDescriptorListType", ProviderId = string, RoleArn = required(string), RoleSessionName = required(string), WebIdentityToken = string { sensitive = true, required = true } }, output = { AssumedRoleUser = "AssumedRoleUser", Audience = string, Credentials = "Credentials", PackedPolicySize = integer, Provider = string, SessionTokenSize = integer, SessionTokenUtilization = integer, SourceIdentity = string, SubjectFromWebIdentityToken = string }, unsigned = true },
    AssumeRoot = { input = { DurationSeconds = integer, MinimumSessionTokenSize = integer, TargetPrincipal = required(string), TaskPolicyArn = required "PolicyDescriptorType" }, output = { Credentials = "Credentials", SessionTokenSize = integer, SessionTokenUtilization = integer, SourceIdentity = string } },
    DecodeAuthorizationMessage = { input = { EncodedMessage = required(string) }, output = { DecodedMessage = string } },
    GetAccessKeyInfo = { input = { AccessKeyId = required(string) }, output = { Account = string } },
    GetCallerIdentity = { input = {}, output = { Account = string, Arn = string, UserId = string } },
    GetDelegatedAccessToken = { input = { TradeInToken = string { sensitive = true, required = true } }, output = { AssumedPrincipal = string, Credentials = "Credentials", PackedPolicySize = integer } },
    GetFederationToken = { input = { DurationSeconds = integer, MinimumSessionTokenSize = integer, Name = required(string), Policy = string, PolicyArns = "policyDescriptorListType", Tags = "tagListType" }, output = { Credentials = "Credentials", FederatedUser = "FederatedUser", PackedPolicySize = integer, SessionTokenSize = integer, SessionTokenUtilization = integer } },
    GetSessionToken = { input = { DurationSeconds = integer, MinimumSessionTokenSize = integer, SerialNumber = string, TokenCode = string }, output = { Credentials = "Credentials", SessionTokenSize = integer, SessionTokenUtilization = integer } },
    GetWebIdentityToken = { input = { Audience = list { string, required = true }, DurationSeconds = integer, SigningAlgorithm = required(string), Tags = "tagListType" }, output = { Expiration = timestamp, WebIdentityToken = string { sensitive = true } } },
  },
}
