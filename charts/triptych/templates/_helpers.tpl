{{/* What the operator's pods are selected by. Never changes: a Deployment's selector cannot. */}}
{{- define "triptych.selectorLabels" -}}
app.kubernetes.io/name: triptych-operator
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of every object of the chart. */}}
{{- define "triptych.labels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "triptych.selectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: operator
app.kubernetes.io/part-of: triptych
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* What the inspector's pods are selected by. */}}
{{- define "triptych.inspectorSelectorLabels" -}}
app.kubernetes.io/name: triptych-inspector
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{/* Labels of every object of the inspector. */}}
{{- define "triptych.inspectorLabels" -}}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{ include "triptych.inspectorSelectorLabels" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/component: inspector
app.kubernetes.io/part-of: triptych
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{/* The image by digest where one is given, else by tag. */}}
{{- define "triptych.image" -}}
{{- with .Values.image -}}
{{- $repository := required "image.repository is required: there is no public default. Set it to the repository that holds the operator's image, and image.digest to its digest, e.g. --set image.repository=<registry>/triptych-operator --set image.digest=sha256:<64 hexadecimal digits>" .repository -}}
{{- if .digest -}}
{{ $repository }}@{{ .digest }}
{{- else -}}
{{ $repository }}:{{ .tag | default $.Chart.AppVersion }}
{{- end -}}
{{- end -}}
{{- end }}

{{/* Replicas of the operator: as declared, else what the profile wants. */}}
{{- define "triptych.replicas" -}}
{{- .Values.operator.replicas | default (eq .Values.profile "dev" | ternary 1 2) -}}
{{- end }}

{{/* NetworkPolicy peers of a list of networks; nothing, and so any address, of an empty one. */}}
{{- define "triptych.networks" -}}
{{- with . -}}
to:
  {{- range . }}
  - ipBlock:
      cidr: {{ . | quote }}
  {{- end }}
{{- end }}
{{- end }}

{{/* "true" where operator and inspector run on W nodes: as declared, else everywhere but in profile dev. */}}
{{- define "triptych.onWNodes" -}}
{{- $declared := .Values.operator.onWNodes -}}
{{- if kindIs "bool" $declared }}{{ ternary "true" "" $declared }}{{ else }}{{ ternary "" "true" (eq .Values.profile "dev") }}{{ end -}}
{{- end }}

{{/* Where operator and inspector run. */}}
{{- define "triptych.placement" -}}
{{- $label := include "triptych.policies.wNodeLabel" . }}
{{- if hasKey .Values.operator.nodeSelector $label }}
{{- fail (printf "operator.nodeSelector names %s: leave it out, operator.onWNodes places the operator on W nodes" $label) }}
{{- end }}
{{- $selector := deepCopy .Values.operator.nodeSelector }}
{{- $tolerations := .Values.operator.tolerations }}
{{- if include "triptych.onWNodes" . }}
{{- $_ := set $selector $label "W" }}
{{- range list "NoSchedule" "NoExecute" }}
{{- $taint := dict "key" (include "triptych.policies.wNodeTaint" $) "operator" "Equal" "value" "W" "effect" . }}
{{- $tolerations = append $tolerations $taint }}
{{- end }}
{{- end }}
{{- with $selector }}
nodeSelector:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- with $tolerations }}
tolerations:
  {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
