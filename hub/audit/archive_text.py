"""The page that every archive of the log holds."""

README = """\
# 审计日志归档 Archive of the audit log

本目录是信用数据共享枢纽审计日志的若干整月，可脱离枢纽独立核验。
Whole civil months of the audit log of a credit data-sharing hub. It verifies without the hub.

## 核验 Verify

需要 Python 3.11 及 `cryptography` 库，不需要联网。日志公钥请向运营方或见证方另行取得，不要取自本目录。
You need Python 3.11 and the package `cryptography`, no network. Get the log's verifier key from its publisher or from a
witness, never from this folder, and read `verify.py` and `offline.py` first, or use copies from somewhere else.

    python -I verify.py FOLDER VERIFIER-KEY [--witness VERIFIER-KEY ...]

## 内容 Contents

| 文件 file | 内容 |
| --- | --- |
| `checkpoint` | 签名检查点，可含见证签名 the signed checkpoint, with cosignatures where there are |
| `tile/` | C2SP tlog-tiles 哈希块，仅含由这些条目至树根所需者 the tiles from these entries to its root |
| `entries/<月>.jsonl` | 每行一条记录；`null` 为正文已撤下 one entry a line, byte for byte; `null`: no body |
| `keys/public.json` | 公钥及其沿革 public keys and their history |
| `manifest.json`, `seal.json` | 清单，及载有清单哈希的日志条目 the manifest, and the log's entry that names its hash |

月份按北京时间；条目按写入顺序，故月末文件可含少量次月条目。
Months are those of UTC+8. Entries stand in the order of the log, so a file may hold a few of the following month.
"""
