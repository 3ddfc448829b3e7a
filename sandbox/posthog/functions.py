"""The functions that HogQL allows. Names are case sensitive; whatever is not here is refused, as PostHog does."""

from difflib import get_close_matches

from sandbox.posthog.errors import invalid

_SAME_NAME = """
plus minus multiply divide intDiv intDivOrZero modulo positiveModulo negate abs
round floor ceil trunc sqrt exp exp2 log log2 log10 pow power sign greatest least
empty notEmpty length reverse array range arrayConcat arrayElement has hasAll hasAny indexOf arrayCount countEqual
arrayEnumerate arrayPopBack arrayPopFront arrayPushBack arrayPushFront arrayResize arraySlice arraySort arrayUniq
arrayJoin arrayDifference arrayDistinct arrayIntersect arrayReverse arrayFilter arrayFlatten arrayCompact arrayZip
arrayMap arrayFill arrayExists arrayAll arrayFirst arrayLast arrayFirstIndex arrayMin arrayMax arraySum arrayAvg
arrayCumSum arrayProduct tuple tupleElement map mapFromArrays mapKeys mapValues
equals notEquals less greater lessOrEquals greaterOrEquals like ilike notLike notILike in notIn and or xor not
if multiIf coalesce ifNull nullIf isNull isNotNull assumeNotNull transform toTypeName
toString toJSONString toTimeZone timeZoneOf toYear toQuarter toMonth toDayOfYear toDayOfMonth toDayOfWeek toHour
toMinute toSecond toUnixTimestamp toUnixTimestamp64Milli fromUnixTimestamp fromUnixTimestamp64Milli toStartOfYear
toStartOfQuarter toStartOfMonth toLastDayOfMonth toMonday toStartOfWeek toStartOfDay toStartOfHour toStartOfMinute
toStartOfSecond toStartOfFiveMinutes toStartOfTenMinutes toStartOfFifteenMinutes toStartOfInterval toISOYear toISOWeek
toWeek age dateDiff dateTrunc dateAdd dateSub date_diff addYears addMonths addWeeks addDays addHours addMinutes
addSeconds subtractYears subtractMonths subtractWeeks subtractDays subtractHours subtractMinutes subtractSeconds
formatDateTime toYYYYMM toYYYYMMDD toYYYYMMDDhhmmss toIntervalSecond toIntervalMinute toIntervalHour toIntervalDay
toIntervalWeek toIntervalMonth toIntervalQuarter toIntervalYear
lower upper lowerUTF8 upperUTF8 lengthUTF8 leftPad rightPad repeat format concat substring substringUTF8 startsWith
endsWith trimLeft trimRight position positionCaseInsensitive match extract extractAll replaceAll replaceOne
replaceRegexpAll replaceRegexpOne splitByChar splitByString splitByRegexp arrayStringConcat
domain domainWithoutWWW path cutQueryString protocol topLevelDomain cityHash64 sipHash64 MD5 SHA256 hex
JSONHas JSONLength JSONType JSONExtract JSONExtractUInt JSONExtractInt JSONExtractFloat JSONExtractBool
JSONExtractString JSONExtractRaw JSONExtractArrayRaw isValidJSON
toFloatOrZero toIntOrZero isNaN isFinite isInfinite ifNotFinite toBool bitAnd bitOr
"""
_AGGREGATES = """
count countDistinct min max sum avg any anyLast argMin argMax uniq uniqExact groupArray groupUniqArray groupArraySample
median quantile quantiles stddevPop stddevSamp varPop varSamp covarPop corr sumMap groupArrayMovingSum
"""
_AGGREGATES_WITHOUT_IF = "minMap maxMap topK uniqHLL12 uniqTheta windowFunnel groupArrayArray retention"
_WINDOW = "row_number rank dense_rank lagInFrame leadInFrame first_value last_value lag lead"

AGGREGATES = {*_AGGREGATES.split(), *(name + "If" for name in _AGGREGATES.split()), *_AGGREGATES_WITHOUT_IF.split()}
ALLOWED = {
    *_SAME_NAME.split(),
    *AGGREGATES,
    *_WINDOW.split(),
    *("toInt", "toFloat", "toDecimal", "toUUID", "toDate", "toDateTime", "parseDateTimeBestEffort", "trim"),
    *("arrayReverseSort", "now", "NOW", "today", "yesterday", "toDateTime64"),
}
ARGUMENTS = {
    "substring": (3, 3),
    "toFloat": (1, 1),
    "toInt": (1, 1),
    "toDate": (1, 1),
    "toDateTime": (1, 2),
    "now": (0, 0),
    "today": (0, 0),
    "isNull": (1, 1),
    "round": (1, 2),
    "dateDiff": (3, 3),
    "nullIf": (2, 2),
    "ifNull": (2, 2),
    "lower": (1, 1),
    "if": (3, 3),
    "toTimeZone": (2, 2),
}
TEMPLATES = {
    "toFloat": "accurateCastOrNull({0}, 'Float64')",
    "toInt": "accurateCastOrNull({0}, 'Int64')",
    "toUUID": "accurateCastOrNull({0}, 'UUID')",
    "toFloatOrZero": "toFloat64OrZero({0})",
    "toIntOrZero": "toInt64OrZero({0})",
    "trim": "trimBoth({0})",
}
RENAMED = {"arrayReverseSort": "arraySort", "date_diff": "dateDiff"}  # the first is PostHog's own slip, kept

SAME_KIND = {
    *("min", "max", "any", "anyLast", "argMin", "argMax", "minIf", "maxIf", "anyIf", "anyLastIf", "argMinIf"),
    *("argMaxIf", "coalesce", "ifNull", "nullIf", "assumeNotNull", "toTimeZone", "greatest", "least"),
    *(f"{verb}{unit}" for verb in ("add", "subtract") for unit in ("Days", "Weeks", "Months", "Hours", "Minutes")),
}
DATE_TIMES = {"toStartOfDay", "toStartOfHour", "toStartOfMinute", "fromUnixTimestamp", "toStartOfSecond"}
DATES = {
    "toDate",
    "today",
    "yesterday",
    "toStartOfMonth",
    "toStartOfWeek",
    "toStartOfYear",
    "toStartOfQuarter",
    "toMonday",
}
TEXTS = {"toString", "concat", "lower", "upper", "JSONExtractString", "JSONExtractRaw", "substring", "formatDateTime"}
NEVER_NULL = {
    "count",
    "countIf",
    "uniq",
    "uniqIf",
    "uniqExact",
    "uniqExactIf",
    "isNull",
    "isNotNull",
    "groupArray",
    "now",
}


def check(name: str, arguments: int) -> None:
    if name not in ALLOWED:
        near = get_close_matches(name, ALLOWED, n=1)
        hint = f" Perhaps you meant '{near[0]}(...)'?" if near else ""
        raise invalid(f"Unsupported function call '{name}(...)'.{hint}")
    fewest, most = ARGUMENTS.get(name, (0, 10_000))
    if not fewest <= arguments <= most:
        expected = str(fewest) if fewest == most else f"at least {fewest}" if arguments < fewest else f"at most {most}"
        raise invalid(
            f"Function '{name}' expects {expected} argument{'' if expected == '1' else 's'}, found {arguments}"
        )
