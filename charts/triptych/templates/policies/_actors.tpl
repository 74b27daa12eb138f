{{/* Names that the policies compare with. They are fixed in the operator too (operator/decide/src/names.rs). */}}
{{- define "triptych.policies.wNodeLabel" -}}
node-restriction.kubernetes.io/trading-tier
{{- end }}
{{- define "triptych.policies.wNodeTaint" -}}
triptych.trading/tier
{{- end }}

{{/* A list of strings as CEL writes it. */}}
{{- define "triptych.policies.list" -}}
[{{ range $index, $item := . }}{{ if $index }}, {{ end }}'{{ $item }}'{{ end }}]
{{- end }}

{{/* Whether the request comes from one of the named users and groups. */}}
{{- define "triptych.policies.isOneOf" -}}
request.userInfo.username in {{ include "triptych.policies.list" .users }} || request.userInfo.?groups.orValue([]).exists(group, group in {{ include "triptych.policies.list" .groups }})
{{- end }}

{{/* Whether the namespace is one of the two sealed kinds. */}}
{{- define "triptych.policies.inSealedNamespace" -}}
request.namespace.startsWith('trading-live-') || request.namespace.startsWith('trading-demo-')
{{- end }}

{{/*
Who makes the request.

The operator is known by its name and by a token that was made for a pod: a token asked for without a pod, or an
impersonation without these claims, is not the operator. That such a pod runs on a W node rests on triptych-operator-pods.
A kubelet is held to its own node and its pods by the Node authorizer and by the admission plugin NodeRestriction.
Controllers are trusted by the names of their service accounts: whoever can act as one of kube-system is an
administrator of the cluster. Where they have no accounts of their own, they are all the controller manager.
*/}}
{{- define "triptych.policies.actors" -}}
- name: user
  expression: request.userInfo.username
- name: isPlatform
  expression: {{ include "triptych.policies.isOneOf" .Values.policies.platform | quote }}
- name: isCustodian
  expression: {{ include "triptych.policies.isOneOf" .Values.policies.custodians | quote }}
- name: hasPodToken
  expression: >-
    ['authentication.kubernetes.io/pod-name', 'authentication.kubernetes.io/node-name'].all(claim,
      claim in request.userInfo.?extra.orValue({}))
- name: isOperator
  expression: >-
    variables.user == 'system:serviceaccount:{{ .Release.Namespace }}:triptych-operator' && variables.hasPodToken
- name: isKubelet
  expression: >-
    variables.user.startsWith('system:node:') && 'system:nodes' in request.userInfo.?groups.orValue([])
- name: isDaemon
  expression: >-
    request.userInfo.?groups.orValue([]).exists(group, group in [{{ range $index, $namespace := .Values.policies.daemonNamespaces }}{{ if $index }}, {{ end }}'system:serviceaccounts:{{ $namespace }}'{{ end }}])
- name: isProvisioner
  expression: {{ include "triptych.policies.isOneOf" .Values.policies.storageProvisioners | quote }}
- name: isScheduler
  expression: variables.user == 'system:kube-scheduler'
- name: controller
  expression: >-
    variables.user == 'system:kube-controller-manager' ? 'any'
    : variables.user.startsWith('system:serviceaccount:kube-system:') ? variables.user.substring(34) : 'none'
{{- end }}

{{/* What is written, as `kubectl` names it: `pods`, `pods/status`, `statefulsets.apps`. */}}
{{- define "triptych.policies.what" -}}
- name: what
  expression: >-
    request.resource.resource
    + (request.resource.group == '' ? '' : '.' + request.resource.group)
    + (request.?subResource.orValue('') == '' ? '' : '/' + request.subResource)
{{- end }}

{{/*
What Kubernetes' controllers do in any namespace: count, clean up, evict, report. The API server itself counts against a
quota when it admits a pod, and the node controller is who evicts from tainted nodes.
*/}}
{{- define "triptych.policies.housekeeping" -}}
- name: byHousekeeping
  expression: >-
    variables.controller == 'any'
    || (variables.controller == 'namespace-controller' && request.operation == 'DELETE')
    || (variables.controller == 'generic-garbage-collector' && request.operation in ['DELETE', 'UPDATE']
        && variables.what != 'persistentvolumeclaims')
    || (variables.controller in ['pod-garbage-collector', 'node-controller']
        && (variables.what == 'pods/status' || (variables.what == 'pods' && request.operation == 'DELETE')))
    || (variables.controller == 'root-ca-cert-publisher' && variables.what == 'configmaps')
    || (variables.controller == 'service-account-controller' && variables.what == 'serviceaccounts')
    || (variables.controller == 'resourcequota-controller' && variables.what == 'resourcequotas/status')
    || (variables.user == 'system:apiserver' && variables.what == 'resourcequotas/status')
    || (variables.controller == 'disruption-controller'
        && variables.what in ['poddisruptionbudgets.policy/status', 'pods/status'])
    || (variables.controller in ['endpoint-controller', 'endpointslice-controller', 'endpointslicemirroring-controller']
        && variables.what in ['endpoints', 'endpointslices.discovery.k8s.io'])
# Who makes, binds and grows volumes: Kubernetes' own controllers, and the drivers'.
- name: byStorage
  expression: >-
    (variables.controller != 'none' || variables.isProvisioner) && request.operation == 'UPDATE'
    && variables.what in ['persistentvolumeclaims', 'persistentvolumeclaims/status']
# Agents of the network and of the nodes note down what they did for a pod, on it or in kinds of their own.
- name: byDaemon
  expression: >-
    variables.isDaemon && (variables.what == 'pods/status' || (variables.what == 'pods' && request.operation == 'UPDATE')
    || (request.resource.group.contains('.') && !request.resource.group.endsWith('.k8s.io')
        && request.resource.group != 'triptych.trading'))
- name: byScheduler
  expression: >-
    variables.isScheduler && (variables.what in ['pods/binding', 'pods/status']
    || (variables.what == 'persistentvolumeclaims' && request.operation == 'UPDATE')
    || (variables.what == 'pods' && request.operation == 'DELETE'))
- name: byKubelet
  expression: >-
    variables.isKubelet && (variables.what in ['pods/status', 'pods/eviction', 'serviceaccounts/token',
    'persistentvolumeclaims/status'] || (variables.what == 'pods' && request.operation == 'DELETE'))
- name: isEvent
  expression: >-
    variables.what in ['events', 'events.events.k8s.io'] && (variables.isOperator || variables.isScheduler
    || variables.isKubelet || variables.isPlatform || variables.isDaemon || variables.isProvisioner
    || variables.controller != 'none')
{{- end }}

{{/* The labels of a policy and of its binding. */}}
{{- define "triptych.policies.metadata" -}}
name: {{ .name }}
labels:
  {{- include "triptych.labels" .root | nindent 2 }}
{{- end }}

{{/* The binding of a policy: to the whole cluster, because each policy says itself what concerns it. */}}
{{- define "triptych.policies.binding" -}}
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata:
  {{- include "triptych.policies.metadata" . | nindent 2 }}
spec:
  policyName: {{ .name }}
  validationActions: {{ toJson .root.Values.policies.validationActions }}
{{- end }}
