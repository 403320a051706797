# Fetches the workspace agent and runs it. Failures end the script.
$ErrorActionPreference = "Stop"
$ProgressPreference = "SilentlyContinue"

$BinaryUrl = '${ACCESS_URL}bin/coder-windows-${ARCH}.exe'
# VS Code's remote connection wants a parent process of this name.
$BinaryFile = Join-Path $env:TEMP "sshd.exe"

# A damaged download is fetched again. A server that tells no hash is believed.
function Test-Intact {
    try {
        $Answer = Invoke-WebRequest -UseBasicParsing -Uri "$BinaryUrl.sha256"
        $Text = [Text.Encoding]::ASCII.GetString([byte[]]$Answer.RawContentStream.ToArray())
    } catch {
        return $true
    }
    # Something on the way may answer with a page of its own.
    if ($Text -notmatch "^([0-9a-f]{64})\b") { return $true }
    return (Get-FileHash -Algorithm SHA256 -Path $BinaryFile).Hash -eq $Matches[1]
}

try {
    [Net.ServicePointManager]::SecurityProtocol = [Net.SecurityProtocolType]::Tls12
    while ($true) {
        try {
            Invoke-WebRequest -UseBasicParsing -Uri $BinaryUrl -OutFile $BinaryFile
            if (Test-Intact) { break }
            throw "the download is damaged."
        } catch {
            Write-Warning "Fetching $BinaryUrl failed: $_ Next try in 30 seconds."
            Start-Sleep -Seconds 30
        }
    }

    # Scanning each new program costs seconds; not being allowed to change that is no failure.
    if (Get-Command Set-MpPreference -ErrorAction SilentlyContinue) {
        Add-MpPreference -ExclusionPath $BinaryFile -ErrorAction SilentlyContinue
    }

    # A sign-in page or an error text saved as a binary is noticed here.
    $Version = & $BinaryFile --version | Select-Object -First 1
    if ("$Version" -notmatch "Coder") {
        throw "What $BinaryUrl gave is not a Coder binary."
    }

    $env:CODER_AGENT_AUTH = '${AUTH_TYPE}'
    $env:CODER_AGENT_URL = '${ACCESS_URL}'

    # A container ends with its first process; elsewhere the machine's start must not wait.
    $InContainer = (Get-Service cexecsvc -ErrorAction SilentlyContinue) -ne $null
    if ($InContainer) {
        & $BinaryFile agent
    } else {
        Start-Process -FilePath $BinaryFile -ArgumentList "agent" -NoNewWindow -PassThru | Out-Null
    }
} catch {
    Write-Warning "The workspace agent did not start: $_ Waiting 24 hours, so that this machine can be inspected."
    Start-Sleep -Seconds 86400
    exit 1
}
