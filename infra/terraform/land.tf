# Who runs `tidegate land`: it writes into the announced prefixes of the sources, which the daemon itself only reads.

data "aws_iam_policy_document" "land" {
  # GetObject is for HeadObject: whether there is an object, and of which version of its source.
  statement {
    sid     = "WriteObjects"
    actions = ["s3:PutObject", "s3:AbortMultipartUpload", "s3:GetObject"]
    resources = flatten([
      for bucket, source in var.sources : [for prefix in source.prefixes : "arn:${local.partition}:s3:::${bucket}/${prefix}*"]
    ])
  }

  # Who may not list a bucket is told 403, not 404, of an object that is not there.
  statement {
    sid       = "TellAbsentFromForbidden"
    actions   = ["s3:ListBucket"]
    resources = [for bucket in keys(var.sources) : "arn:${local.partition}:s3:::${bucket}"]
  }

  # The staging key, which `land` uses unless another is said, and those of the sources; the parts of an upload are decrypted to be joined.
  statement {
    sid       = "EncryptObjects"
    actions   = ["kms:GenerateDataKey", "kms:Decrypt"]
    resources = concat([aws_kms_key.this.arn], local.foreign_keys)

    condition {
      test     = "StringEquals"
      variable = "kms:ViaService"
      values   = ["s3.${local.region}.amazonaws.com"]
    }
  }
}

resource "aws_iam_policy" "land" {
  name        = "${var.name}-land"
  description = "Write objects into the prefixes that Tidegate reads"
  policy      = data.aws_iam_policy_document.land.json
}
