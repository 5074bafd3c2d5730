-- Resource Groups Tagging API, written by scripts/models/import from @aws-sdk/client-resource-groups-tagging-api 3.1142.0 and constraints.lua.
local shape = require "moonbase.shape"
local boolean, integer, list, map, required, string =
  shape.boolean, shape.integer, shape.list, shape.map, shape.required, shape.string

return shape.service {
  name = "resourcegroupstaggingapi", version = "2017-01-26", service_id = "Resource Groups Tagging API",
  protocols = { "json-1.1" }, target = "ResourceGroupsTaggingAPI_20170126",
  signing_name = "tagging", endpoint_prefix = "tagging",
  error_namespace = "com.amazonaws.resourcegroupstaggingapi",
  shapes = {
    ComplianceDetails = { ComplianceStatus = boolean, KeysWithNoncompliantValues = list { string }, MissingTagKeys = list { string }, NoncompliantKeys = list { string } },
    FailedResourcesMap = map { "FailureInfo" },
    FailureInfo = { ErrorCode = string, ErrorMessage = string, StatusCode = integer },
    RequiredTag = { CloudFormationResourceTypes = list { string }, ReportingTagKeys = list { string }, ResourceType = string },
    RequiredTagsForListRequiredTags = list { "RequiredTag" },
    ResourceTagMapping = { ComplianceDetails = "ComplianceDetails", ResourceARN = string, Tags = "TagList" },
    ResourceTagMappingList = list { "ResourceTagMapping" },
    Summary = { LastUpdated = string, NonCompliantResources = integer, Region = string, ResourceType = string, TargetId = string, TargetIdType = string },
    SummaryList = list { "Summary" },
    Tag = { Key = required(string), Value = required(string) },
    TagFilter = { Key = string, Values = list { string } },
    TagFilterList = list { "TagFilter" },
    TagList = list { "Tag" },
  },
  errors = {
    ConcurrentModificationException = { message = "Message" },
    ConstraintViolationException = { message = "Message" },
    InternalServiceException = { status = 500, message = "Message" },
    InvalidParameterException = { message = "Message" },
    PaginationTokenExpiredException = { message = "Message" },
    ThrottledException = { message = "Message" },
  },
  operations = {
    DescribeReportCreation = { http = { "POST", "/DescribeReportCreation" }, input = {}, output = { ErrorMessage = string, S3Location = string, StartDate = string, Status = string } },
    GetComplianceSummary = { http = { "POST", "/GetComplianceSummary" }, input = { GroupBy = list { string }, MaxResults = integer, PaginationToken = string, RegionFilters = list { string }, ResourceTypeFilters = list { string }, TagKeyFilters = list { string }, TargetIdFilters = list { string } }, output = { PaginationToken = string, SummaryList = "SummaryList" } },
    GetResources = { http = { "POST", "/GetResources" }, input = { ExcludeCompliantResources = boolean, IncludeComplianceDetails = boolean, PaginationToken = string, ResourceARNList = list { string }, ResourceTypeFilters = list { string }, ResourcesPerPage = integer, TagFilters = "TagFilterList", TagsPerPage = integer }, output = { PaginationToken = string, ResourceTagMappingList = "ResourceTagMappingList" } },
    GetTagKeys = { http = { "POST", "/GetTagKeys" }, input = { PaginationToken = string }, output = { PaginationToken = string, TagKeys = list { string } } },
    GetTagValues = { http = { "POST", "/GetTagValues" }, input = { Key = required(string), PaginationToken = string }, output = { PaginationToken = string, TagValues = list { string } } },
    ListRequiredTags = { http = { "POST", "/ListRequiredTags" }, input = { MaxResults = integer, NextToken = string }, output = { NextToken = string, RequiredTags = "RequiredTagsForListRequiredTags" } },
    StartReportCreation = { http = { "POST", "/StartReportCreation" }, input = { S3Bucket = required(string) }, output = {} },
    TagResources = { http = { "POST", "/TagResources" }, input = { ResourceARNList = list { string, required = true }, Tags = map { string, required = true } }, output = { FailedResourcesMap = "FailedResourcesMap" } },
    UntagResources = { http = { "POST", "/UntagResources" }, input = { ResourceARNList = list { string, required = true }, TagKeys = list { string, required = true } }, output = { FailedResourcesMap = "FailedResourcesMap" } },
  },
}
